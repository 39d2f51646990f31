import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  encodePart,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** Texts that look like something else, or that are expensive to parse. */
let issuer: TestIssuer
let target: ReturnType<typeof createTestVerifier>
beforeAll(async () => {
  issuer = await createTestIssuer()
})
beforeEach(() => {
  target = createTestVerifier(issuer)
})

describe('A18, A19 · size', () => {
  test.each([8193, 16_384, 100_000, 5_000_000])(
    'A18 · %i characters are refused without being parsed',
    async (length) => {
      const token = await issuer.token({ claims: { pad: 'x'.repeat(length) } })
      expect(await outcome(target.verify, token)).toBe('invalid_token too_long')
      expect(await createTestApp(target.verify).answer(token)).toBe('401 invalid_token')
    },
  )

  test('A19 · endless dots and endless nesting are refused', async () => {
    expect(await outcome(target.verify, '.'.repeat(100_000))).toBe('invalid_token too_long')
    expect(await outcome(target.verify, '.'.repeat(8000))).toBe('invalid_token malformed')
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect(await outcome(target.verify, await issuer.sign(issuer.header, nested(100_000)))).toBe(
      'invalid_token too_long',
    )
    expect(await outcome(target.verify, await issuer.sign(issuer.header, nested(2500)))).toBe('invalid_token malformed')
    expect(await outcome(target.verify, await issuer.sign(nested(2500), issuer.claims()))).toBe(
      'invalid_token malformed',
    )
  })
})

describe('A20 · other encodings of a token', () => {
  const spellings: readonly [string, (token: string) => string][] = [
    ['==', (token) => `${token}==`],
    ['=', (token) => `${token}=`],
    ['a trailing space', (token) => `${token} `],
    ['a leading space', (token) => ` ${token}`],
    ['a line break', (token) => `${token}\n`],
    ['a carriage return', (token) => `${token}\r`],
    ['a tab inside', (token) => `${token.slice(0, 20)}\t${token.slice(20)}`],
    ['flipped spare bits in the signature', (token) => flipSpareBits(token)],
    ['+ and /', (token) => token.replaceAll('-', '+').replaceAll('_', '/')],
    ['a NUL', (token) => `${token}\0`],
    ['a byte order mark', (token) => `\ufeff${token}`],
    ['a fourth part', (token) => `${token}.`],
    ['quotes', (token) => `"${token}"`],
    ['the scheme', (token) => `Bearer ${token}`],
  ]

  test.each(spellings)('A20 · %s: refused, and the revoked token stays revoked', async (_, respell) => {
    const text = await signedWithBothAlphabets()
    expect(await outcome(target.verify, text)).toBe('accepted')
    expect(await outcome(target.verify, respell(text))).toMatch(/^invalid_token /)
    target.revocations.revoke({ kind: 'api_key', value: 'key_0001' })
    expect(await outcome(target.verify, text)).toBe('invalid_token revoked')
    expect(await outcome(target.verify, respell(text))).toMatch(/^invalid_token (malformed|too_long)$/)
  })

  test('A20 · with padding or another encoding, the answer over HTTP is 401 too', async () => {
    const { answer } = createTestApp(target.verify)
    const text = await issuer.token()
    expect(await answer(text)).toBe('200')
    for (const other of [`${text}==`, `${text}=`, flipSpareBits(text), `${text}.`])
      expect(await answer(other)).toBe('401 invalid_token')
  })

  /** A token whose text contains - and _, so that the other Base64 alphabet encodes it differently. */
  async function signedWithBothAlphabets(): Promise<string> {
    for (;;) {
      const text = await issuer.token()
      if (text.includes('-') && text.includes('_')) return text
    }
  }
})

test('no mutation of the text of a valid token verifies', async () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'
  const token = await issuer.token()
  expect(await outcome(target.verify, token)).toBe('accepted')
  const position = fc.nat(token.length)
  const character = fc.constantFrom(...alphabet)
  const mutation = fc.oneof(
    fc.tuple(position, character).map(([at, to]) => token.slice(0, at) + to + token.slice(at + 1)),
    fc.tuple(position, character).map(([at, to]) => token.slice(0, at) + to + token.slice(at)),
    fc
      .tuple(position, fc.integer({ min: 1, max: 40 }))
      .map(([at, length]) => token.slice(0, at) + token.slice(at + length)),
    fc.tuple(position, position).map(([from, to]) => token.slice(from) + token.slice(0, to)),
    fc
      .tuple(position, fc.string({ unit: 'binary', maxLength: 20 }))
      .map(([at, text]) => token.slice(0, at) + text + token.slice(at)),
    position.map((at) => token.slice(0, at) + token.slice(at).toUpperCase()),
  )
  await fc.assert(
    fc.asyncProperty(
      mutation.filter((text) => text !== token),
      async (text) => {
        expect(await outcome(target.verify, text)).toMatch(/^invalid_token /)
      },
    ),
    { numRuns: 2000 },
  )
})

test('any text is refused with an error of the kit', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => encodePart(text)),
    fc.json().map((text) => encodePart(text)),
    fc.object().map((value) => encodePart({ ...issuer.header, ...value })),
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(part, part, part).map((parts) => parts.join('.')),
  )
  await fc.assert(
    fc.asyncProperty(text, async (candidate) => {
      expect(await outcome(target.verify, candidate)).toMatch(/^invalid_token /)
    }),
    { numRuns: 1000 },
  )
})

test.each([undefined, null, 1, {}, [], Symbol('token'), () => 'token'])(
  'a value that is not a text (%o) is refused with an error of the kit',
  async (value) => {
    const untyped: (value: unknown) => Promise<unknown> = Object(target.verify)
    await expect(untyped(value)).rejects.toMatchObject({ code: 'invalid_token', reason: 'malformed' })
  },
)

/** Another last character that decodes to the same bytes in a parser that ignores spare bits. */
function flipSpareBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.slice(-1))
  const other = token.slice(0, -1) + alphabet.charAt(last ^ 1)
  const signatureOf = (text: string) => Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url')
  expect(signatureOf(other)).toEqual(signatureOf(token))
  return other
}
