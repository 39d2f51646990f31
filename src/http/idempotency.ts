import type { Context, MiddlewareHandler } from 'hono'
import { parseApiKey } from '../api-keys/format.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import {
  claimRequest,
  findRequest,
  forgetRequest,
  type IdempotentRequest,
  keepAnswer,
  type Remembered,
} from '../idempotency/queries.ts'
import type { Services } from '../services.ts'
import type { AppEnv } from './context.ts'

/**
 * Runs a POST with an `Idempotency-Key` only once. If the client repeats it within 24 hours, it gets the first answer
 * again, with `Idempotency-Replayed: true`. Secrets are not stored: in the repeated answer they are `null`. Each client
 * has its own keys.
 *
 * The first transaction of the operation claims the key, so no crash and no race can run the operation twice. Only
 * successes are remembered: a refused request can be sent again. Throws `invalid_request`, `idempotency_key_reused` if
 * the key belongs to a different request, and `idempotency_key_in_use` if the first request has no answer yet.
 */
export function idempotency(): MiddlewareHandler<AppEnv> {
  return async function answerOnce(c, next) {
    const key = c.req.header('idempotency-key')
    if (key === undefined || c.req.method !== 'POST') return await next()
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw invalidRequest('Idempotency-Key must be one value of 1 to 255 visible ASCII characters.')
    }
    const { services, principal, receivedAt } = c.var
    const request = { clientId: principal.clientId, key, digest: await digestOf(c, services) }
    const earlier = await findRequest(services.db, request, receivedAt)
    if (earlier) return replay(earlier, request)

    const claim = claimingOnce(services, request)
    c.set('services', { ...services, transaction: claim.transaction })
    await next()
    c.set('services', services)
    if (c.error === claim.taken) {
      const first = await findRequest(services.db, request, receivedAt)
      if (!first) return
      c.res = undefined // Otherwise Hono would keep the headers of the refusal.
      c.res = replay(first, request)
    } else if (claim.made()) await remember(services, request, c.res)
  }
}

/** Claims the key in the first transaction. If another request has it, throws `taken` and changes nothing. */
function claimingOnce({ now, transaction }: Services, request: IdempotentRequest) {
  const taken = inUse()
  let tried = false
  let made = false
  const claimFirst: Services['transaction'] = async (work) => {
    if (tried) return await transaction(work)
    tried = true
    const result = await transaction(async (tx) => {
      if (!(await claimRequest(tx, request, now()))) throw taken
      return await work(tx)
    })
    made = true
    return result
  }
  return { transaction: claimFirst, taken, made: () => made }
}

/** Hash of method, path, query and body. */
async function digestOf(c: Context<AppEnv>, { platform }: Services): Promise<string> {
  const url = new URL(c.req.url)
  return await platform.sha256(`${c.req.method} ${url.pathname}${url.search}\n${await c.req.text()}`)
}

function replay({ digest, answer }: Remembered, request: IdempotentRequest): Response {
  if (digest !== request.digest) throw new ServiceError('idempotency_key_reused')
  if (!answer) throw inUse()
  const { status, text, headers } = answer
  return new Response(text === '' ? null : text, {
    status,
    headers: { ...headers, 'Cache-Control': 'no-store', 'Idempotency-Replayed': 'true' },
  })
}

function inUse(): ServiceError {
  return new ServiceError('idempotency_key_in_use')
}

const keptHeaders = ['content-type', 'etag', 'location']

/** The change is already committed. If the answer cannot be stored, the client still gets it; repeats get a 409. */
async function remember(services: Services, request: IdempotentRequest, response: Response): Promise<void> {
  try {
    if (!response.ok) return await forgetRequest(services.db, request)
    const text = withoutSecrets(await response.clone().text(), services.config.apiKeyPrefixes)
    const headers = Object.fromEntries([...response.headers].filter(([name]) => keptHeaders.includes(name)))
    await keepAnswer(services.db, request, { status: response.status, text, headers })
  } catch (error) {
    services.log('warn', 'idempotency.answer_not_kept', { error })
  }
}

/** Replaces members named `secret`, and every text that is a well-formed API key, by null. */
function withoutSecrets(text: string, prefixes: readonly string[]): string {
  if (text === '') return text
  return JSON.stringify(
    JSON.parse(text, (name, value: unknown) => {
      const isSecret = name === 'secret' || (typeof value === 'string' && parseApiKey(value, prefixes) !== undefined)
      return isSecret ? null : value
    }),
  )
}
