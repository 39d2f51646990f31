import { encodeBase64Url } from './base64.ts'

const encoder = new TextEncoder()

/** SHA-256 of the text's UTF-8 bytes, base64url without padding (43 characters). By WebCrypto: runs everywhere; Node has digest.node.ts. */
export async function sha256Base64Url(text: string): Promise<string> {
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))))
}

/** SHA-256 of the text's UTF-8 bytes as 64 lower-case hexadecimal digits, as `sha256sum` prints it. */
export async function sha256Hex(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
