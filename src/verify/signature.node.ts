import { decodeBase64url } from './json-object.ts'
import type { SignatureCheck } from './signature.ts'

/**
 * ES256 by node:crypto with a DER signature: two thirds of the time of WebCrypto, and no promise. Undefined where there is no
 * node:crypto that passes the known answer below (browsers, Workers without nodejs_compat), so that jose does it.
 */
export function derSignatureCheck(key: CryptoKey): SignatureCheck | undefined {
  if (!crypto || !passesKnownAnswer()) return undefined
  const { verify, KeyObject } = crypto
  const publicKey = KeyObject.from(key)
  return ({ signingInput, signature }) => {
    const der = derOfEs256(decodeBase64url(signature))
    return der !== undefined && verify('sha256', Buffer.from(signingInput, 'latin1'), publicKey, der)
  }
}

/** SHA-256 of the text, base64url, without a promise; undefined where node:crypto has no `hash`. */
export const sha256OfNode: ((text: string) => string) | undefined = loadSha256()

/**
 * SEQUENCE of two INTEGERs (RFC 3279 §2.2.3) from r‖s (RFC 7518 §3.4): minimal, never negative. Undefined unless it is 64 bytes. Does
 * not look at the values: zero and what is not below the order are refused by the verification.
 */
export function derOfEs256(signature: Uint8Array): Uint8Array | undefined {
  if (signature.length !== 64) return undefined
  const rStart = firstSignificant(signature, 0, 31)
  const sStart = firstSignificant(signature, 32, 63)
  const rPad = (signature[rStart] ?? 0) >> 7
  const sPad = (signature[sStart] ?? 0) >> 7
  const rLength = 32 - rStart + rPad
  const sLength = 64 - sStart + sPad
  const der = new Uint8Array(6 + rLength + sLength)
  der[0] = 0x30
  der[1] = 4 + rLength + sLength
  der[2] = 0x02
  der[3] = rLength
  der.set(signature.subarray(rStart, 32), 4 + rPad)
  der[4 + rLength] = 0x02
  der[5 + rLength] = sLength
  der.set(signature.subarray(sStart, 64), 6 + rLength + sPad)
  return der
}

/** Index of the first byte that is not zero; the last one where all are. */
function firstSignificant(bytes: Uint8Array, start: number, last: number): number {
  let index = start
  while (index < last && bytes[index] === 0) index += 1
  return index
}

const crypto = loadNodeCrypto()

function loadNodeCrypto() {
  if (typeof process !== 'object' || typeof process.getBuiltinModule !== 'function') return undefined
  return process.getBuiltinModule('node:crypto')
}

function loadSha256(): ((text: string) => string) | undefined {
  const hash = loadNodeCrypto()?.hash
  return hash && ((text) => hash('sha256', text, 'base64url'))
}

let knownAnswer: boolean | undefined

/** RFC 7515 appendix A.3: other runtimes have a node:crypto too, and only one that gives the right answers may say yes here. */
function passesKnownAnswer(): boolean {
  knownAnswer ??= answersRight()
  return knownAnswer
}

function answersRight(): boolean {
  try {
    if (!crypto) return false
    const key = crypto.createPublicKey({ key: exampleKey, format: 'jwk' })
    const signature = derOfEs256(decodeBase64url(exampleSignature))
    if (!signature) return false
    const verifies = (text: string) => crypto.verify('sha256', Buffer.from(text, 'latin1'), key, signature)
    return verifies(exampleInput) && !verifies(`${exampleInput}A`)
  } catch {
    return false
  }
}

const exampleKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const exampleInput = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
const exampleSignature = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
