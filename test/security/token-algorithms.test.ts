import { constants, KeyObject, privateEncrypt, type SignKeyObjectInput, sign } from 'node:crypto'
import { exportSPKI, importJWK, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { defaultAlgorithms } from '../../src/kit/key-sets/jwk.ts'
import {
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  encodePart,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/**
 * One verifier with the keys of all algorithms, as a service publishes them, and tokens that none of these keys signed.
 */
type Name = (typeof defaultAlgorithms)[number]
const issuers = new Map<Name, TestIssuer>()
let verify: ReturnType<typeof createTestVerifier>['verify']
let answer: (token: string) => Promise<string>

beforeAll(async () => {
  for (const algorithm of defaultAlgorithms) issuers.set(algorithm, await createTestIssuer(algorithm))
  const jwks = { keys: [...issuers.values()].map(({ publicJwk }) => publicJwk) }
  verify = createTestVerifier({ jwks }).verify
  answer = createTestApp(verify).answer
})

function issuerOf(algorithm: Name): TestIssuer {
  const issuer = issuers.get(algorithm)
  if (!issuer) throw new Error('made before the tests')
  return issuer
}

/** The signing input of a good token for the algorithm's key, to be signed in another way. */
function unsigned(algorithm: Name, header: object = {}): string {
  const issuer = issuerOf(algorithm)
  return `${encodePart({ ...issuer.header, ...header })}.${encodePart(issuer.claims())}`
}

function privateKeyOf(algorithm: Name): KeyObject {
  return KeyObject.from(issuerOf(algorithm).privateKey)
}

function signed(input: string, digest: string | null, key: SignKeyObjectInput): string {
  return `${input}.${sign(digest, Buffer.from(input), key).toString('base64url')}`
}

test.each(defaultAlgorithms)(
  'a valid token by the key for %s is accepted, so each test below is about its one fault',
  async (algorithm) => {
    expect(await outcome(verify, await issuerOf(algorithm).token())).toBe('accepted')
    expect(await answer(await issuerOf(algorithm).token())).toBe('200')
  },
)

describe.each(defaultAlgorithms)('A3 · HMAC with our public key for %s as the secret', (algorithm) => {
  test.each(['HS256', 'HS384', 'HS512'])('A3 · %s is refused, however the key is encoded', async (alg) => {
    const issuer = issuerOf(algorithm)
    const key = await importJWK(issuer.publicJwk, algorithm, { extractable: true })
    if (key instanceof Uint8Array) throw new Error('not a public key')
    const pem = await exportSPKI(key)
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    const { x, y, n, e, crv, kty } = issuer.publicJwk
    const jwks = [issuer.publicJwk, kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }].map((jwk) =>
      JSON.stringify(jwk),
    )
    const number = x ?? n ?? ''
    const texts = [pem, pem.trim(), `\n${pem}`, ` ${pem}`, `${pem}\n\n`, ...jwks, number]
    for (const secret of [der, Buffer.from(number, 'base64url'), ...texts.map((text) => Buffer.from(text))]) {
      const token = await new SignJWT(issuer.claims()).setProtectedHeader({ ...issuer.header, alg }).sign(pad(secret))
      expect(await answer(token)).toBe('401 invalid_token')
      expect(await outcome(verify, token)).toBe('invalid_token algorithm')
    }
  })
})

const named = [
  ...defaultAlgorithms,
  'ES512',
  'ES256K',
  'RS384',
  'RS512',
  'PS384',
  'PS512',
  'Ed448',
  'ML-DSA-65',
  'HS256',
  'none',
] as const

describe.each(defaultAlgorithms)('A4 · a token by the key for %s', (algorithm) => {
  test.each(named.filter((other) => other !== algorithm))(
    'A4 · with alg %s is refused, with its own signature and with another',
    async (alg) => {
      const issuer = issuerOf(algorithm)
      expect(await outcome(verify, await issuer.token({ header: { alg } }))).toBe('invalid_token algorithm')
      expect(await answer(await issuer.token({ header: { alg } }))).toBe('401 invalid_token')
      const other = defaultAlgorithms.find((name) => name === alg)
      if (other) {
        const input = unsigned(algorithm, { alg })
        const [header, payload] = input.split('.')
        const borrowed = (
          await issuerOf(other).sign(Buffer.from(header ?? '', 'base64url'), Buffer.from(payload ?? '', 'base64url'))
        ).split('.')
        expect(await outcome(verify, `${input}.${borrowed[2]}`)).toBe('invalid_token algorithm')
      }
    },
  )

  test.each(defaultAlgorithms.filter((other) => other !== algorithm))(
    'A4 · under the kid of the key for %s is refused',
    async (other) => {
      const { kid } = issuerOf(other)
      expect(await outcome(verify, await issuerOf(algorithm).token({ header: { kid } }))).toBe(
        'invalid_token algorithm',
      )
      expect(await outcome(verify, await issuerOf(algorithm).token({ header: { kid, alg: other } }))).toBe(
        'invalid_token signature',
      )
    },
  )
})

const orders = {
  ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  ES384: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
} as const

describe.each(['ES256', 'ES384'] as const)('A5 · forged signatures by %s', (algorithm) => {
  const n = orders[algorithm]
  const size = n.length / 2
  const number = (value: number) => value.toString(16).padStart(2 * size, '0')
  test.each([
    ['r = s = 0', number(0) + number(0)],
    ['r = 0', number(0) + number(1)],
    ['s = 0', number(1) + number(0)],
    ['r = s = 1', number(1) + number(1)],
    ['r = n', n + number(1)],
    ['s = n', number(1) + n],
    ['r = s = n', n + n],
    ['all ones', 'ff'.repeat(2 * size)],
    ['a byte too few', '11'.repeat(2 * size - 1)],
    ['a byte too many', '11'.repeat(2 * size + 1)],
    ['1 byte', '00'],
    ['the size of the other curve', '11'.repeat(algorithm === 'ES256' ? 96 : 64)],
    ['DER of zeros', '3006020100020100'],
    ['1000 bytes', '11'.repeat(1000)],
  ])('A5 · %s is refused', async (_, hex) => {
    const forged = `${unsigned(algorithm)}.${Buffer.from(hex, 'hex').toString('base64url')}`
    expect(await outcome(verify, forged)).toBe('invalid_token signature')
    expect(await answer(forged)).toBe('401 invalid_token')
  })

  test('A5 · the right signature in DER, or with r and s swapped, or plus the order, is refused', async () => {
    const key = privateKeyOf(algorithm)
    const input = unsigned(algorithm)
    const digest = algorithm === 'ES256' ? 'sha256' : 'sha384'
    const bytes = sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
    expect(await outcome(verify, `${input}.${bytes.toString('base64url')}`)).toBe('accepted')
    const der = sign(digest, Buffer.from(input), { key })
    const swapped = Buffer.concat([bytes.subarray(size), bytes.subarray(0, size)])
    const padded = Buffer.concat([Buffer.alloc(1), bytes.subarray(0, size), Buffer.alloc(1), bytes.subarray(size)])
    for (const other of [der, swapped, padded, bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)])]) {
      expect(await outcome(verify, `${input}.${other.toString('base64url')}`)).toBe('invalid_token signature')
    }
  })

  test('A5 · a signature over another hash is refused', async () => {
    const digest = algorithm === 'ES256' ? 'sha384' : 'sha256'
    const key = { key: privateKeyOf(algorithm), dsaEncoding: 'ieee-p1363' } as const
    expect(await outcome(verify, signed(unsigned(algorithm), digest, key))).toBe('invalid_token signature')
  })
})

describe('A5 · forged signatures by EdDSA', () => {
  /** The order of the base point (RFC 8032 §5.1). */
  const order = (1n << 252n) + 27742317777372353535851937790883648493n

  test('A5 · S plus the order, another form of the same signature, is refused', async () => {
    const input = unsigned('EdDSA')
    const bytes = sign(null, Buffer.from(input), privateKeyOf('EdDSA'))
    const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
    const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()])
    expect(await outcome(verify, `${input}.${bytes.toString('base64url')}`)).toBe('accepted')
    expect(await outcome(verify, `${input}.${twin.toString('base64url')}`)).toBe('invalid_token signature')
  })

  test.each([
    ['zeros', '00'.repeat(64)],
    ['all ones', 'ff'.repeat(64)],
    ['R = identity, S = 0', `01${'00'.repeat(63)}`],
    ['R only', '11'.repeat(32)],
    ['63 bytes', '11'.repeat(63)],
    ['65 bytes', '11'.repeat(65)],
    ['the 114 bytes of Ed448', '11'.repeat(114)],
  ])('A5 · %s is refused', async (_, hex) => {
    expect(await outcome(verify, `${unsigned('EdDSA')}.${Buffer.from(hex, 'hex').toString('base64url')}`)).toBe(
      'invalid_token signature',
    )
  })

  test('A5 · a signature over the hash of the text is refused', async () => {
    const input = unsigned('EdDSA')
    const digest = await crypto.subtle.digest('SHA-512', Buffer.from(input))
    const signature = sign(null, Buffer.from(digest), privateKeyOf('EdDSA'))
    expect(await outcome(verify, `${input}.${signature.toString('base64url')}`)).toBe('invalid_token signature')
  })
})

describe('A5 · forged signatures by RSA', () => {
  const pss = (key: KeyObject, saltLength: number) => ({ key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })

  test.each([0, 1, 20, 31, 33, 64, 222])('A5 · PS256 with a salt of %i bytes is refused', async (saltLength) => {
    const key = privateKeyOf('PS256')
    expect(await outcome(verify, signed(unsigned('PS256'), 'sha256', pss(key, 32)))).toBe('accepted')
    expect(await outcome(verify, signed(unsigned('PS256'), 'sha256', pss(key, saltLength)))).toBe(
      'invalid_token signature',
    )
  })

  test('A5 · PS256 without PSS, and RS256 with it, are refused', async () => {
    const plain = signed(unsigned('PS256'), 'sha256', { key: privateKeyOf('PS256') })
    expect(await outcome(verify, plain)).toBe('invalid_token signature')
    const salted = signed(unsigned('RS256'), 'sha256', pss(privateKeyOf('RS256'), 32))
    expect(await outcome(verify, salted)).toBe('invalid_token signature')
  })

  test.each(['RS256', 'PS256'] as const)('A5 · %s over another hash is refused', async (algorithm) => {
    const key = privateKeyOf(algorithm)
    for (const digest of ['sha1', 'sha224', 'sha384', 'sha512']) {
      const options = algorithm === 'PS256' ? pss(key, 32) : { key }
      expect(await outcome(verify, signed(unsigned(algorithm), digest, options)), digest).toBe(
        'invalid_token signature',
      )
    }
  })

  test('A5 · RS256 with a digest without the name of its hash, or with bytes after it, is refused', async () => {
    const input = unsigned('RS256')
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(input)))
    const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest])
    const withoutNull = Buffer.concat([
      Buffer.from('302f300b0609608648016503040201', 'hex'),
      Buffer.from('0420', 'hex'),
      digest,
    ])
    const raw = (content: Buffer) =>
      privateEncrypt({ key: privateKeyOf('RS256'), padding: constants.RSA_PKCS1_PADDING }, content)
    expect(await outcome(verify, `${input}.${raw(info).toString('base64url')}`)).toBe('accepted')
    for (const content of [digest, withoutNull, Buffer.concat([info, Buffer.alloc(8, 1)]), info.subarray(0, -1)]) {
      expect(await outcome(verify, `${input}.${raw(content).toString('base64url')}`)).toBe('invalid_token signature')
    }
  })

  test.each(['RS256', 'PS256'] as const)(
    'A5 · %s with a number that is zero, one, the modulus or of another length is refused',
    async (algorithm) => {
      const input = unsigned(algorithm)
      const modulus = Buffer.from(issuerOf(algorithm).publicJwk.n ?? '', 'base64url')
      const own = Buffer.from((await issuerOf(algorithm).token()).split('.')[2] ?? '', 'base64url')
      const one = Buffer.alloc(256)
      one[255] = 1
      const numbers = [
        Buffer.alloc(256),
        one,
        modulus,
        Buffer.alloc(256, 0xff),
        own,
        own.subarray(0, 255),
        Buffer.alloc(1),
      ]
      for (const bytes of [...numbers, Buffer.concat([Buffer.alloc(1), own]), Buffer.concat([own, Buffer.alloc(1)])]) {
        expect(await outcome(verify, `${input}.${bytes.toString('base64url')}`)).toBe('invalid_token signature')
      }
    },
  )

  test.each(['RS256', 'PS256'] as const)(
    'A5 · a good signature by %s with leading zeros, or plus the modulus, is refused',
    async (algorithm) => {
      const issuer = issuerOf(algorithm)
      const token = await issuer.token()
      const cut = token.lastIndexOf('.')
      const bytes = Buffer.from(token.slice(cut + 1), 'base64url')
      const sum =
        BigInt(`0x${bytes.toString('hex')}`) +
        BigInt(`0x${Buffer.from(issuer.publicJwk.n ?? '', 'base64url').toString('hex')}`)
      const hex = sum.toString(16)
      const twin = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
      for (const other of [twin, Buffer.concat([Buffer.alloc(1), bytes]), Buffer.concat([Buffer.alloc(256), bytes])]) {
        expect(await outcome(verify, `${token.slice(0, cut)}.${other.toString('base64url')}`)).toBe(
          'invalid_token signature',
        )
      }
    },
  )
})

/** jose requires HMAC secrets as long as the hash. */
function pad(secret: Uint8Array): Uint8Array {
  return secret.length >= 64 ? secret : Buffer.concat([secret, Buffer.alloc(64 - secret.length)])
}
