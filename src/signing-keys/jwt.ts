import type { Signer } from './signer.ts'

/**
 * A JWS in compact form (RFC 7515 §7.1) over the claims as they are: nothing is added and nothing checked. The header holds `alg`,
 * `kid` and `typ` only. Gives no promise when the signer gives none.
 */
export function signJwt(signer: Signer, typ: string, claims: object): string | Promise<string> {
  const signingInput = `${headerText(signer, typ)}.${encodeJson(claims)}`
  const signature = signer.sign(signingInput)
  return typeof signature === 'string' ? `${signingInput}.${signature}` : signature.then((text) => `${signingInput}.${text}`)
}

/** A signer signs with one or two values of `typ` in its life: their headers are written once. */
const headerTexts = new WeakMap<Signer, Map<string, string>>()

function headerText(signer: Signer, typ: string): string {
  const texts = headerTexts.get(signer) ?? new Map<string, string>()
  const known = texts.get(typ)
  if (known !== undefined) return known
  const text = encodeJson({ alg: signer.algorithm, kid: signer.kid, typ })
  headerTexts.set(signer, texts.set(typ, text))
  return text
}

/** JSON with everything beyond ASCII escaped (RFC 8259 §7): `btoa` takes it as it is, on every runtime, without a detour through bytes. */
function encodeJson(value: object): string {
  const ascii = JSON.stringify(value).replace(/[^\0-\x7f]/g, escapeUnit)
  return btoa(ascii).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
