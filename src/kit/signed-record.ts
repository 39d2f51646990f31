import { decodeBase64url } from './base64url.ts'
import { readJsonObject } from './json-object.ts'
import { isAlgorithmOfKey } from './key-sets/jwk.ts'
import { importKeys, type KeySet, type VerificationKey } from './key-sets/key-set.ts'
import { isKid } from './token/token-header.ts'

/** Thrown when a signed record of the service (feed, audit checkpoint) cannot be trusted. The message says why. */
export class RecordRefused extends Error {
  readonly code: 'malformed' | 'unknown_key' | 'wrong_signature'
  readonly kid: string | undefined

  constructor(code: RecordRefused['code'], reason: string, kid?: string) {
    super(reason)
    this.name = 'RecordRefused'
    this.code = code
    this.kid = kid
  }
}

/**
 * Verifies a compact JWS (RFC 7515 §7.1) with this `typ`, signed by one of the keys, and returns its payload. Throws
 * `RecordRefused`. Does not check any claim.
 */
export async function openRecord(
  text: string,
  keys: Pick<KeySet, 'find'>,
  type: string,
): Promise<{ kid: string; payload: unknown }> {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw new RecordRefused('malformed', 'it is not a compact JWS')
  const [header = '', payload = '', signature = ''] = text.split('.')
  const { kid, alg } = readRecordHeader(header, type)
  const key = await keys.find(kid)
  if (!key) throw new RecordRefused('unknown_key', 'it was signed by a key that is not a record key of the issuer', kid)
  if (!isAlgorithmOfKey(alg, key))
    throw new RecordRefused('malformed', 'its algorithm is not the algorithm of its key', kid)
  const signed = { text, header, payload, signature, signingInput: `${header}.${payload}` }
  if ((await key.check(signed)) !== true) throw new RecordRefused('wrong_signature', 'its signature is wrong', kid)
  return { kid, payload: JSON.parse(utf8.decode(decodeBase64url(payload))) }
}

/**
 * A fixed set of record keys. Unlike a key set for tokens, it includes revoked keys, because records that they signed
 * earlier are still valid. The caller must check when a record was signed. Keys that cannot be used are left out.
 */
export async function recordKeySet(keys: readonly unknown[]): Promise<Pick<KeySet, 'find'>> {
  const found = new Map<string, VerificationKey>()
  for (const key of keys) {
    const { revoked: _, ...bare } = Object(key)
    for (const [kid, usable] of await importKeys({ keys: [bare] }, recordAlgorithms))
      if (!found.has(kid)) found.set(kid, usable)
  }
  return { find: (kid) => found.get(kid) }
}

const recordAlgorithms: ReadonlySet<string> = new Set(['ES256'])

function readRecordHeader(part: string, type: string): { kid: string; alg: string } {
  const header = readJsonObject(part)
  if (typeof header === 'string') throw new RecordRefused('malformed', 'its header is malformed')
  const { typ, alg, kid, ...others } = header
  // No extensions, and no key supplied in the header (RFC 7515 §4.1.11, RFC 8725 §3.10).
  if (Object.keys(others).length > 0)
    throw new RecordRefused('malformed', 'its header has members other than alg, kid and typ')
  if (typ !== type) throw new RecordRefused('malformed', 'it has another type')
  if (typeof alg !== 'string' || typeof kid !== 'string' || !isKid(kid))
    throw new RecordRefused('malformed', 'its header does not name a key')
  return { kid, alg }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
