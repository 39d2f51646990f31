import type { Credentials } from './credentials.ts'
import { CliError } from './failure.ts'
import { refusal } from './refusal.ts'

/** The service, called with one key. `doing` completes "cannot …" in the error when it refuses. */
export type AdminApi = {
  get<Answer>(path: string, doing: string, query?: Query): Promise<Answer>
  post<Answer>(path: string, doing: string, body?: object): Promise<Answer>
  /** With `revision`, the change is refused unless that is still the current one. */
  patch<Answer>(path: string, doing: string, body: object, revision?: number): Promise<Answer>
  remove<Answer>(path: string, doing: string, query?: Query): Promise<Answer>
  /** An answer of any length, in pieces. */
  stream(path: string, doing: string, query?: Query): Promise<AsyncIterable<string>>
  /** `POST /token`, with a form; errors as in RFC 6749. */
  exchange<Answer>(form: URLSearchParams, doing: string): Promise<Answer>
}

type Query = Readonly<Record<string, string | undefined>>

const deadlineMilliseconds = 15_000

/** Does not check answers: their types are the service's contract. Throws `CliError`. */
export function adminApi({ url, apiKey }: Credentials): AdminApi {
  async function sendAuthenticated(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `Bearer ${apiKey}`)
    headers.set('User-Agent', 'mintage-cli')
    return await send(`${url}${path}`, { ...init, headers }, url)
  }

  async function ask<Answer>(doing: string, path: string, init: RequestInit): Promise<Answer> {
    const response = await sendAuthenticated(path, init)
    const text = await response.text()
    if (!response.ok) throw refusal(doing, response, text)
    return text === '' ? parseAnswer('null', url) : parseAnswer(text, url)
  }

  async function stream(doing: string, path: string): Promise<AsyncIterable<string>> {
    const silence = new AbortController()
    const deadline = setTimeout(() => silence.abort(), deadlineMilliseconds)
    const response = await sendAuthenticated(path, { method: 'GET', signal: silence.signal }).finally(() =>
      clearTimeout(deadline),
    )
    if (!response.ok) throw refusal(doing, response, await response.text())
    return piecesOf(response, silence, url)
  }

  return {
    get: (path, doing, query = {}) => ask(doing, `${path}${queryText(query)}`, { method: 'GET' }),
    post: (path, doing, body) =>
      ask(doing, path, {
        method: 'POST',
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      }),
    patch: (path, doing, body, revision) =>
      ask(doing, path, {
        method: 'PATCH',
        body: JSON.stringify(body),
        headers: {
          'Content-Type': 'application/json',
          ...(revision === undefined ? {} : { 'If-Match': `"${revision}"` }),
        },
      }),
    remove: (path, doing, query = {}) => ask(doing, `${path}${queryText(query)}`, { method: 'DELETE' }),
    stream: (path, doing, query = {}) => stream(doing, `${path}${queryText(query)}`),
    exchange: (form, doing) => ask(doing, '/token', { method: 'POST', body: form }),
  }
}

/** Follows no redirect: it would carry the key to another place. */
async function send(address: string, init: RequestInit, url: string): Promise<Response> {
  try {
    return await fetch(address, { signal: AbortSignal.timeout(deadlineMilliseconds), ...init, redirect: 'error' })
  } catch (cause) {
    if (cause instanceof TypeError && !/fetch failed/.test(cause.message)) {
      throw new CliError('the API key holds characters that a header cannot carry', {
        hint: 'check MINTAGE_API_KEY',
        code: 'no_credentials',
      })
    }
    throw new CliError(`no answer from ${url}`, {
      code: 'unreachable',
      hint: 'start it with `mintage serve`, or set MINTAGE_URL to its address',
      cause,
    })
  }
}

/** The deadline is for each piece: the whole may take longer. */
async function* piecesOf({ body }: Response, silence: AbortController, url: string): AsyncGenerator<string> {
  if (!body) return
  const reader = body.pipeThrough(new TextDecoderStream('utf-8', { fatal: true })).getReader()
  try {
    while (true) {
      const deadline = setTimeout(() => silence.abort(), deadlineMilliseconds)
      const { done, value } = await reader.read().finally(() => clearTimeout(deadline))
      if (done) return
      yield value
    }
  } catch (cause) {
    throw new CliError(`the connection to ${url} broke in the middle of an answer`, {
      code: 'unreachable',
      hint: 'run it again',
      cause,
    })
  } finally {
    await reader.cancel().catch(() => {})
  }
}

function parseAnswer<Answer>(text: string, url: string): Answer {
  try {
    return JSON.parse(text)
  } catch {
    throw new CliError(`${url} answered something that is not JSON`, {
      code: 'unreachable',
      hint: 'check that MINTAGE_URL is a Mintage service',
    })
  }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  return parameters.size === 0 ? '' : `?${parameters}`
}
