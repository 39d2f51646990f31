/**
 * Converts an ECDSA signature from DER, `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279 §2.2.3), to r‖s, each padded to
 * `halfBytes` bytes (RFC 7518 §3.4). DER integers are signed and minimal: if the first bit is set, a zero byte comes
 * before it, and leading zero bytes are dropped. Throws unless the sequence consists of exactly two positive integers
 * of at most that many bytes.
 *
 * For curves of up to 384 bits: their sequence is shorter than 128 bytes, so lengths take one byte.
 */
export function signatureFromDer(der: Buffer, halfBytes: number): Buffer {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 129) throw malformed()
  const signature = Buffer.alloc(2 * halfBytes)
  const afterR = copyInteger(der, 2, signature.subarray(0, halfBytes))
  const afterS = copyInteger(der, afterR, signature.subarray(halfBytes))
  if (afterS !== der.length) throw malformed()
  return signature
}

/** Copies the integer at `at` right-aligned into its half. Returns the offset after it. */
function copyInteger(der: Buffer, at: number, half: Buffer): number {
  const length = der[at + 1]
  if (der[at] !== 0x02 || length === undefined || length === 0) throw malformed()
  const end = at + 2 + length
  const start = der[at + 2] === 0 ? at + 3 : at + 2
  const size = end - start
  if (end > der.length || size < 1 || size > half.length) throw malformed()
  der.copy(half, half.length - size, start, end)
  return end
}

function malformed(): Error {
  return new Error('the ECDSA signature is not in the expected DER form')
}
