const nonceBytes = 12
const tagBytes = 16

/** A 256-bit AES-GCM key that cannot be exported. Throws unless given exactly 32 bytes. */
export async function importAeadKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  if (bytes.length !== 32) throw new RangeError(`an AES-256 key must have 32 bytes, not ${bytes.length}`)
  return await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/**
 * AES-256-GCM (NIST SP 800-38D): nonce (12 random bytes) ‖ ciphertext ‖ tag (16 bytes). Associated data is required. It
 * binds the ciphertext to its place, so that it cannot be opened anywhere else. A key may seal at most 2³² times
 * (random nonces, SP 800-38D §8.3).
 */
export async function aeadSeal(
  key: CryptoKey,
  plaintext: Uint8Array<ArrayBuffer>,
  associatedData: Uint8Array<ArrayBuffer>,
) {
  const iv = crypto.getRandomValues(new Uint8Array(nonceBytes))
  const sealed = new Uint8Array(await crypto.subtle.encrypt(gcm(iv, associatedData), key, plaintext))
  const message = new Uint8Array(nonceBytes + sealed.length)
  message.set(iv)
  message.set(sealed, nonceBytes)
  return message
}

/**
 * The plaintext, or undefined if the message is too short or changed, or if the key or the associated data is wrong.
 * Does not say which.
 */
export async function aeadOpen(
  key: CryptoKey,
  message: Uint8Array<ArrayBuffer>,
  associatedData: Uint8Array<ArrayBuffer>,
) {
  if (message.length < nonceBytes + tagBytes) return undefined
  const parameters = gcm(message.subarray(0, nonceBytes), associatedData)
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, message.subarray(nonceBytes)))
  } catch {
    return undefined
  }
}

function gcm(iv: Uint8Array<ArrayBuffer>, associatedData: Uint8Array<ArrayBuffer>): AesGcmParams {
  if (associatedData.length === 0) throw new TypeError('associated data must not be empty')
  return { name: 'AES-GCM', iv, additionalData: associatedData, tagLength: tagBytes * 8 }
}
