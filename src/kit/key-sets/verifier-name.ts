/** The header in which a verifier sends its name when it fetches the JWK Set. */
export const verifierNameHeader = 'Mintage-Verifier'

/**
 * 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit. Fits a product token (RFC 9110 §10.1.5), and is safe
 * in logs and tables.
 */
export function isVerifierName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
}
