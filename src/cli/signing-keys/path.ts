export const signingKeysPath = '/v1/signing-keys'

/** The admin API's path of a signing key; `rest` begins with a slash. */
export function signingKeyPath(kid: string, rest = ''): string {
  return `${signingKeysPath}/${encodeURIComponent(kid)}${rest}`
}
