const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Base64url without padding (RFC 4648 §5). */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text +=
      alphabet.charAt(group >> 18) +
      alphabet.charAt((group >> 12) & 63) +
      alphabet.charAt((group >> 6) & 63) +
      alphabet.charAt(group & 63)
  }
  const unused = (3 - (bytes.length % 3)) % 3
  return unused === 0 ? text : text.slice(0, -unused)
}

/** The bytes of base64url text that was checked before. For text that was not, use `readBase64url`. */
export function decodeBase64url(text: string): Uint8Array {
  if (typeof Buffer === 'function') return Buffer.from(text, 'base64url')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

/**
 * The bytes of base64url text, or undefined unless it is canonical: no padding, no spaces, unused bits zero (RFC 4648
 * §3.5).
 */
export function readBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined
  // A copy: the memory behind a Buffer may hold other secrets as well.
  const bytes = new Uint8Array(decodeBase64url(text))
  return encodeBase64url(bytes) === text ? bytes : undefined
}
