import type { Credentials } from './credentials.ts'
import { asClause, CliError } from './failure.ts'

/** The service, as one key sees it. `doing` completes the sentence "cannot …" when it is refused. */
export type AdminApi = {
  get<Answer>(path: string, doing: string, query?: Query): Promise<Answer>
  post<Answer>(path: string, doing: string, body?: object): Promise<Answer>
  /** `POST /token`: a form, answered in RFC 6749's words. */
  exchange<Answer>(form: URLSearchParams, doing: string): Promise<Answer>
}

export type Query = Readonly<Record<string, string | undefined>>

const deadlineMilliseconds = 15_000

/** The answers' types are the service's contract; they are not checked again here. Throws `CliError`. */
export function adminApi({ url, apiKey }: Credentials): AdminApi {
  async function ask<Answer>(doing: string, path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `Bearer ${apiKey}`)
    headers.set('User-Agent', 'mintage-cli')
    const response = await send(`${url}${path}`, { ...init, headers }, url)
    const text = await response.text()
    if (!response.ok) throw refusal(doing, response, text)
    return text === '' ? parseAnswer('null', url) : parseAnswer(text, url)
  }

  return {
    get: (path, doing, query = {}) => ask(doing, `${path}${queryText(query)}`, { method: 'GET' }),
    post: (path, doing, body) =>
      ask(doing, path, {
        method: 'POST',
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      }),
    exchange: (form, doing) => ask(doing, '/token', { method: 'POST', body: form }),
  }
}

/** A redirect is not followed: it would carry the key to a place that nobody named. */
async function send(address: string, init: RequestInit, url: string): Promise<Response> {
  try {
    return await fetch(address, { ...init, redirect: 'error', signal: AbortSignal.timeout(deadlineMilliseconds) })
  } catch (cause) {
    if (cause instanceof TypeError && !/fetch failed/.test(cause.message)) {
      throw new CliError('the API key holds characters that no header can carry', { hint: 'check MINTAGE_API_KEY', code: 'no_credentials' })
    }
    throw new CliError(`no answer from ${url}`, {
      code: 'unreachable',
      hint: 'start it with `mintage serve`, or set MINTAGE_URL to where it runs',
      cause,
    })
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
  return new CliError(`cannot ${doing}: ${asClause(problem.detail)}`, { code: problem.code, hint: hintFor(problem, response) })
}

function readProblem(text: string): Problem | undefined {
  try {
    const body: { code?: unknown; detail?: unknown; error?: unknown; error_description?: unknown; safeAt?: unknown } = JSON.parse(text)
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
    case 'not_found':
      return 'list what there is with the verb `list`'
    case 'too_early':
      return `wait until ${safeAt ?? 'then'}; in an incident: mintage signing-keys rotate --force`
    case 'invalid_scope':
    case 'invalid_target':
      return '`mintage me` shows what this key holds'
    default:
      return response.status === 503 ? `try again in ${response.headers.get('retry-after') ?? '1'} s` : undefined
  }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
  return parameters.size === 0 ? '' : `?${parameters}`
}
