const urlSafe = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Base64url without padding (RFC 4648 §5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text +=
      urlSafe.charAt(group >> 18) +
      urlSafe.charAt((group >> 12) & 63) +
      urlSafe.charAt((group >> 6) & 63) +
      urlSafe.charAt(group & 63)
  }
  const spare = (3 - (bytes.length % 3)) % 3
  return spare === 0 ? text : text.slice(0, -spare)
}

/** Bytes of base64url text, or undefined unless it is spelled in the one canonical way: no padding, no blanks, no stray bits. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const bytes = decode(text.replaceAll('-', '+').replaceAll('_', '/'))
  return bytes && encodeBase64Url(bytes) === text ? bytes : undefined
}

/** Standard base64 with padding (RFC 4648 §4), as `openssl rand -base64 32` prints it. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(binaryString(bytes))
}

/** Bytes of standard base64 text, or undefined unless it is canonical; the padding must be there. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const bytes = decode(text)
  return bytes && encodeBase64(bytes) === text ? bytes : undefined
}

function binaryString(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
