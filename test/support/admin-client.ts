import type { TestService } from './service.ts'

export type AdminAnswer = { status: number; headers: Headers; text: string; body: Record<string, unknown> }

export type AdminCall = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<AdminAnswer>

/** Calls the admin API with one credential; a string body goes as it stands. */
export function adminClient(service: Pick<TestService, 'request'>, credential: string): AdminCall {
  return async (method, path, body) => {
    const response = await service.request(path, {
      method,
      headers: {
        Authorization: `Bearer ${credential}`,
        'User-Agent': 'admin-client/1',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) }
  }
}
