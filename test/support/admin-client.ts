import type { KeyOptions, TestService } from './test-service.ts'

export type AdminAnswer = { status: number; headers: Headers; text: string; body: Record<string, unknown> }

export type AdminMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type AdminCall = (
  method: AdminMethod,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<AdminAnswer>

/** Calls the admin API with one credential. Sends a string body unchanged. */
export function adminClient(service: Pick<TestService, 'request'>, credential: string): AdminCall {
  return async (method, path, body, headers = {}) => {
    const response = await service.request(path, {
      method,
      headers: {
        Authorization: `Bearer ${credential}`,
        'User-Agent': 'admin-client/1',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: isJson(response) ? JSON.parse(text) : {} }
  }
}

/** Calls the admin API with a new key, by default of the service's first organization. */
export async function adminClientWith(service: TestService, key: KeyOptions): Promise<AdminCall> {
  return adminClient(service, (await service.createKey(key)).secret)
}

/** An export is not JSON, and some answers have no body. */
function isJson(response: Response): boolean {
  return /^application\/(?:problem\+)?json\b/.test(response.headers.get('content-type') ?? '')
}
