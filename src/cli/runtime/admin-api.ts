import type { Credentials } from './credentials.ts'
import { asClause, CliError } from './failure.ts'

/** The service, as one key sees it. `doing` completes the sentence "cannot …" when it is refused. */
export type AdminApi = {
  get<Answer>(path: string, doing: string, query?: Query): Promise<Answer>
  post<Answer>(path: string, doing: string, body?: object): Promise<Answer>
  /** `revision` = the one that was seen last; when it is another by now, the change is refused. */
  patch<Answer>(path: string, doing: string, body: object, revision?: number): Promise<Answer>
  remove(path: string, doing: string): Promise<void>
  /** An answer of any length, piece by piece. */
  stream(path: string, doing: string, query?: Query): Promise<AsyncIterable<string>>
  /** `POST /token`: a form, answered in RFC 6749's words. */
  exchange<Answer>(form: URLSearchParams, doing: string): Promise<Answer>
}

export type Query = Readonly<Record<string, string | undefined>>

const deadlineMilliseconds = 15_000

/** The answers' types are the service's contract; they are not checked again here. Throws `CliError`. */
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
    remove: (path, doing) => ask(doing, path, { method: 'DELETE' }),
    stream: (path, doing, query = {}) => stream(doing, `${path}${queryText(query)}`),
    exchange: (form, doing) => ask(doing, '/token', { method: 'POST', body: form }),
  }
}

/** A redirect is not followed: it would carry the key to a place that nobody named. */
async function send(address: string, init: RequestInit, url: string): Promise<Response> {
  try {
    return await fetch(address, { signal: AbortSignal.timeout(deadlineMilliseconds), ...init, redirect: 'error' })
  } catch (cause) {
    if (cause instanceof TypeError && !/fetch failed/.test(cause.message)) {
      throw new CliError('the API key holds characters that no header can carry', {
        hint: 'check MINTAGE_API_KEY',
        code: 'no_credentials',
      })
    }
    throw new CliError(`no answer from ${url}`, {
      code: 'unreachable',
      hint: 'start it with `mintage serve`, or set MINTAGE_URL to where it runs',
      cause,
    })
  }
}

/** The deadline is for each piece: the whole may take as long as it takes. */
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
    throw new CliError(`${url} broke off in the middle of its answer`, {
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
    throw new CliError(`${url} answers something that is not JSON`, {
      code: 'unreachable',
      hint: 'check that MINTAGE_URL is a Mintage service',
    })
  }
}

type Problem = {
  /** The admin API's problem (RFC 9457), or the OAuth error (RFC 6749 §5.2). */
  readonly code: string
  readonly detail: string
  readonly safeAt?: string
}

function refusal(doing: string, response: Response, text: string): CliError {
  const problem = readProblem(text) ?? { code: 'failed', detail: `the service answered ${response.status}` }
  return new CliError(`cannot ${doing}: ${asClause(problem.detail)}`, {
    code: problem.code,
    hint: hintFor(problem, response),
  })
}

function readProblem(text: string): Problem | undefined {
  try {
    const body: { code?: unknown; detail?: unknown; error?: unknown; error_description?: unknown; safeAt?: unknown } =
      JSON.parse(text)
    const code = body.code ?? body.error
    const detail = body.detail ?? body.error_description ?? code
    if (typeof code !== 'string' || typeof detail !== 'string') return undefined
    return { code, detail, ...(typeof body.safeAt === 'string' ? { safeAt: body.safeAt } : {}) }
  } catch {
    return undefined
  }
}

function hintFor({ code, safeAt }: Problem, response: Response): string | undefined {
  switch (code) {
    case 'unauthenticated':
    case 'api_key_rejected':
    case 'invalid_client':
      return 'the key is unknown, revoked or expired: set MINTAGE_API_KEY to one that works'
    case 'permission_denied':
      return '`mintage me` shows what this key may do'
    case 'precondition_failed':
      return 'look at it with the verb `show`, then repeat the change with its --revision'
    case 'not_found':
      return 'list what there is with the verb `list`'
    case 'too_early':
      return `wait until ${safeAt ?? 'then'}; in an incident: mintage signing-keys rotate --force`
    case 'invalid_scope':
    case 'invalid_target':
      return '`mintage me` shows what this key holds'
    case 'plan_limit_reached':
      return 'revoke one that is not needed, or see what other plans allow: mintage plans list'
    case 'lifetime_not_allowed':
      return 'give an earlier --expires-at'
    case 'internal':
      return 'the log of the service tells more; mintage doctor looks for what is wrong'
    default:
      return response.status === 503 ? `try again in ${response.headers.get('retry-after') ?? '1'} s` : undefined
  }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  return parameters.size === 0 ? '' : `?${parameters}`
}
