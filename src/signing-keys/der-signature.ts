/**
 * r‖s of `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279 §2.2.3), each of `halfBytes` bytes (RFC 7518 §3.4). DER integers are signed and as
 * short as they can be: one that starts with a high bit carries a zero before it, and one with leading zero bytes lacks them. Throws for
 * anything else than two positive integers of at most that many bytes that fill the sequence exactly.
 *
 * For curves of up to 384 bits, whose sequence is shorter than 128 bytes, so that lengths take one byte.
 */
export function signatureFromDer(der: Buffer, halfBytes: number): Buffer {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 129) throw malformed()
  const signature = Buffer.alloc(2 * halfBytes)
  const afterR = copyInteger(der, 2, signature.subarray(0, halfBytes))
  const afterS = copyInteger(der, afterR, signature.subarray(halfBytes))
  if (afterS !== der.length) throw malformed()
  return signature
}

/** Copies the integer at `at` right-aligned into its half; gives the offset behind it. */
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
