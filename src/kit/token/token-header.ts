import type { AccessTokenErrorReason } from '../access-token-error.ts'
import { readJsonObject } from '../json-object.ts'

type TokenHeader = {
  readonly algorithm: string
  /** Not verified yet: use it only to look up a key in a map. */
  readonly kid: string
}

/**
 * Reads the JOSE header of an access token. `typ` must be at+jwt or application/at+jwt, in any case and without
 * parameters (RFC 9068 §4). `alg` must match the allow-list exactly. `kid` must be 1 to 128 unreserved characters.
 *
 * Refuses every parameter that would make a verifier fetch, trust or unwrap something (RFC 8725 §3.10, RFC 7515
 * §4.1.11). No extension is implemented, so any `crit` is refused.
 *
 * Does not check that `alg` is the key's algorithm: the key is not known yet.
 */
export function readTokenHeader(part: string, algorithms: ReadonlySet<string>): TokenHeader | AccessTokenErrorReason {
  const header = readJsonObject(part)
  if (typeof header === 'string') return header
  for (const name of refusedParameters) {
    if (Object.hasOwn(header, name)) return 'header_parameter'
  }
  const { typ, alg, kid } = header
  if (typeof typ !== 'string' || !/^(?:application\/)?at\+jwt$/i.test(typ)) return 'type'
  if (typeof alg !== 'string' || !algorithms.has(alg)) return 'algorithm'
  if (typeof kid !== 'string' || !isKid(kid)) return 'kid'
  return { algorithm: alg, kid }
}

/**
 * Unreserved characters of RFC 3986 §2.3: enough for thumbprints, UUIDs and dates, but no paths, quotes or control
 * characters.
 */
export function isKid(text: string): boolean {
  return /^[\w.~-]{1,128}$/.test(text)
}

const refusedParameters = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'cty', 'b64', 'zip', 'enc'] as const
