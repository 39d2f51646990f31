import type { AccessTokenErrorReason } from './access-token-error.ts'
import type { JsonObject } from './json-object.ts'

/** Refusals that a wrong option of the verifier explains: the signature is right, so it is a mistake, not an attack. */
type MismatchReason = Extract<AccessTokenErrorReason, 'issuer' | 'audience' | 'environment'>

/** What a verifier tells about refusals whose cause may be its own options. */
export type RefusalReports = {
  /** The signature was verified, and the claims do not fit. */
  mismatch(reason: MismatchReason, claims: JsonObject): void
  /** Keys or revocation list could not be read. */
  unavailable(cause: unknown): void
}

type Expected = { readonly issuer: string; readonly audience: string; readonly environment: 'live' | 'test' }

/**
 * Warns the developer once for each mistake: the response says nothing about the reason. Contains claims of tokens with
 * a good signature only, and never a token.
 */
export function optionWarnings(expected: Expected, warn: (message: string) => void): RefusalReports {
  const told = new Set<string>()
  const once = (kind: string, message: string) => {
    if (told.has(kind)) return
    told.add(kind)
    warn(`mintage: ${message}`)
  }
  return {
    mismatch: (reason, claims) => once(reason, mismatchMessage(reason, claims, expected)),
    unavailable: (cause) =>
      once(
        'unavailable',
        `cannot verify tokens of ${expected.issuer}: ${messagesOf(cause)}. Requests get 503 until then.`,
      ),
  }
}

/** To the console, except where nobody develops: in production and in tests. */
export function defaultWarn(message: string): void {
  const mode = typeof process === 'object' ? process.env?.NODE_ENV : undefined
  if (mode !== 'production' && mode !== 'test') console.warn(message)
}

export function isMismatch(reason: AccessTokenErrorReason): reason is MismatchReason {
  return reason === 'issuer' || reason === 'audience' || reason === 'environment'
}

function mismatchMessage(reason: MismatchReason, { iss, aud, env }: JsonObject, expected: Expected): string {
  switch (reason) {
    case 'issuer':
      return `refused a token that ${quoted(iss)} issued: the verifier's issuer is ${quoted(expected.issuer)}. Correct the option, letter by letter.`
    case 'audience':
      return `refused a token for the audience ${quoted(aud)}: the verifier's audience is ${quoted(expected.audience)}. Correct the option, or ask for a token with that audience.`
    case 'environment':
      return `refused a token of a ${quoted(env)} key: the verifier accepts keys of the environment ${quoted(expected.environment)}. Set the option environment, or use another key.`
    default:
      return reason satisfies never
  }
}

/** As JSON, so that control characters cannot reach a terminal. */
function quoted(claim: unknown): string {
  return String(JSON.stringify(claim)).slice(0, 300)
}

function messagesOf(cause: unknown): string {
  const messages: string[] = []
  for (let error = cause; error instanceof Error && messages.length < 4; error = error.cause)
    messages.push(error.message)
  return messages.join(': ') || 'unknown error'
}
