/** Standard base64 with padding (RFC 4648 §4), as `openssl rand -base64 32` prints it. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(binaryString(bytes))
}

/** Bytes of standard base64 text. Undefined unless the text is canonical, including the padding. */
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
