import { describe, expect, test } from 'vitest'
import { signatureFromDer } from '../../src/signing-keys/der-signature.ts'

const orders = {
  32: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  48: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
} as const

describe.each([32, 48] as const)('a DER signature, converted to r‖s with halves of %i bytes', (size) => {
  const half = (hex: string) => hex.padStart(2 * size, '0')
  const lessOne = `${orders[size].slice(0, -1)}${(Number.parseInt(orders[size].slice(-1), 16) - 1).toString(16)}`

  test.each([
    ['the shortest', '01', '01'],
    ['one byte with its high bit set', '80', 'ff'],
    ['both of full length', '7f'.repeat(size), '01'.repeat(size)],
    ['r with its high bit set', 'ff'.repeat(size), '01'.repeat(size)],
    ['s with its high bit set', '01'.repeat(size), '80'.repeat(size)],
    ['both with their high bit set, the longest', 'ff'.repeat(size), 'fe'.repeat(size)],
    ['r one byte short', '7f'.repeat(size - 1), 'fe'.repeat(size)],
    ['s one byte short, its high bit set', 'fe'.repeat(size), '80'.repeat(size - 1)],
    ['both many bytes short', 'ab'.repeat(12), '0100'],
    ['the order less one', lessOne, lessOne],
  ])('is right for %s', (_name, r, s) => {
    expect(signatureFromDer(derOf(r, s), size).toString('hex')).toBe(half(r) + half(s))
  })

  const good = derOf('ff'.repeat(size), '7f'.repeat(size))
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['another type', Buffer.concat([Buffer.from([0x31]), good.subarray(1)])],
    ['a trailing byte', Buffer.concat([good, Buffer.from([0])])],
    ['a wrong length', Buffer.concat([good.subarray(0, 1), Buffer.from([2]), good.subarray(2)])],
    ['an empty integer', Buffer.from([0x30, 4, 2, 0, 2, 0])],
    ['only a zero', Buffer.from([0x30, 6, 2, 1, 0, 2, 1, 0])],
    ['an integer one byte too long', derOf('7f'.repeat(size + 1), '01')],
    ['an integer longer than the sequence', Buffer.from([0x30, 6, 2, 1, 1, 2, 9, 1])],
    ['r only', Buffer.from([0x30, 3, 2, 1, 1])],
    ['a trailing byte inside the sequence', insideOne(good)],
    ['a length of two bytes', Buffer.concat([Buffer.from([0x30, 0x81, good.length - 2]), good.subarray(2)])],
  ])('is refused for %s', (_name, der) => {
    expect(() => signatureFromDer(der, size)).toThrow('DER')
  })

  test('is refused for every truncation', () => {
    for (let length = 0; length < good.length; length++)
      expect(() => signatureFromDer(good.subarray(0, length), size)).toThrow('DER')
  })
})

/** DER of two positive integers in hexadecimal: minimal, with a zero byte before a high bit. */
function derOf(r: string, s: string): Buffer {
  const integer = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex')
    const content = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
    return Buffer.concat([Buffer.from([2, content.length]), content])
  }
  const content = Buffer.concat([integer(r), integer(s)])
  return Buffer.concat([Buffer.from([0x30, content.length]), content])
}

/** The same two integers followed by a byte, in a sequence whose length includes it. */
function insideOne(der: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x30, der.length - 1]), der.subarray(2), Buffer.from([0])])
}
