import type { Signer } from './signer.ts'

/**
 * Signs the claims, unchanged and unchecked, as a JWS in compact form (RFC 7515 §7.1). The header contains only `alg`,
 * `kid` and `typ`. Returns a promise only if the signer does.
 */
export function signJwt(signer: Signer, typ: string, claims: object): string | Promise<string> {
  const signingInput = `${headerText(signer, typ)}.${encodeJson(claims)}`
  const signature = signer.sign(signingInput)
  return typeof signature === 'string'
    ? `${signingInput}.${signature}`
    : signature.then((text) => `${signingInput}.${text}`)
}

/** A signer uses only one or two values of `typ`, so their headers are encoded once. */
const headerTexts = new WeakMap<Signer, Map<string, string>>()

function headerText(signer: Signer, typ: string): string {
  const texts = headerTexts.get(signer) ?? new Map<string, string>()
  const known = texts.get(typ)
  if (known !== undefined) return known
  const text = encodeJson({ alg: signer.algorithm, kid: signer.kid, typ })
  headerTexts.set(signer, texts.set(typ, text))
  return text
}

function encodeJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
