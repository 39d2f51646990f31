import { decodeBase64url } from '../base64url.ts'

/**
 * Whether an RSA public key (JWK members, base64url) is strong enough. The modulus must have 2048 to 8192 bits, be odd,
 * and not have the fingerprint of CVE-2017-15361 (ROCA). The exponent must be odd, at least 3, and have at most 64 bits
 * (RFC 7518 §3.3). With `e = 1`, anyone could forge signatures.
 */
export function isStrongRsaKey(n: string, e: string): boolean {
  const modulus = toBigInt(n)
  const exponent = toBigInt(e)
  const bits = modulus.toString(2).length
  if (bits < 2048 || bits > 8192 || modulus % 2n === 0n) return false
  if (exponent < 3n || exponent >= 1n << 64n || exponent % 2n === 0n) return false
  return !hasRocaFingerprint(modulus)
}

function toBigInt(text: string): bigint {
  const hex = Array.from(decodeBase64url(text), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex === '' ? 0n : BigInt(`0x${hex}`)
}

/**
 * The faulty generator made primes of the form k·M + (65537^a mod M), where M is a product of small primes. So modulo
 * each small prime, the modulus is a power of 65537. A sound modulus passes for all of them about once in 2^27.
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  return smallPrimes.every((prime) => powersOf65537(prime).has(modulus % prime))
}

function powersOf65537(prime: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>()
  for (let power = 1n; !powers.has(power); power = (power * 65537n) % prime) powers.add(power)
  return powers
}

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
].map(BigInt)
