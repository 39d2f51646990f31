/** The header by which a verifier names itself when it fetches the JWK Set. */
export const verifierNameHeader = 'Mintage-Verifier'

/** 1 to 64 of `A-Z a-z 0-9 . _ -`, the first one a letter or digit: part of a product token (RFC 9110 §10.1.5), safe in any log and table. */
export function isVerifierName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
}
