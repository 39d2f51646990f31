import { beforeAll, describe, expect, test } from 'vitest'
import { createRemoteIssuer, createRemoteKeys } from '../support/remote-issuer.ts'
import {
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** Attacks on the key set, and through it. */
let issuer: TestIssuer
let rsa: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
  rsa = await createTestIssuer('RS256', 'rsa')
})

describe('A24 · bad keys in a JWK Set', () => {
  const flip = (coordinate: string | undefined) => {
    const bytes = Buffer.from(coordinate ?? '', 'base64url')
    bytes[7] = (bytes[7] ?? 0) ^ 1
    return bytes.toString('base64url')
  }
  test.each<[string, () => object]>([
    ['RSA with 1024 bits', () => ({ ...rsa.publicJwk, n: Buffer.alloc(128, 0xc5).toString('base64url') })],
    ['e = 1', () => ({ ...rsa.publicJwk, e: 'AQ' })],
    ['a ROCA modulus', () => ({ ...rsa.publicJwk, n: rocaModulus() })],
    ['a point off the curve', () => ({ ...issuer.publicJwk, y: flip(issuer.publicJwk.y) })],
    ['the point at zero', () => ({ ...issuer.publicJwk, x: 'A'.repeat(43), y: 'A'.repeat(43) })],
    ['a private key', () => ({ ...issuer.publicJwk, d: 'A'.repeat(43) })],
  ])('A24 · %s is ignored, and the others still work', async (_, bad) => {
    const jwk = Object({ ...bad(), kid: 'bad' })
    const remote = createRemoteIssuer([jwk, issuer.publicJwk, rsa.publicJwk])
    const { keys } = createRemoteKeys(remote, { algorithms: ['ES256', 'RS256'] })
    const { verify } = createTestVerifier(issuer, { keys, algorithms: ['ES256', 'RS256'] })
    expect(await outcome(verify, await issuer.token())).toBe('accepted')
    expect(await outcome(verify, await rsa.token())).toBe('accepted')
    expect(await outcome(verify, await issuer.token({ header: { kid: 'bad' } }))).toMatch(
      /unknown_key|keys_unavailable/,
    )
    expect(keys.holds('bad')).toBe(false)
  })
})

describe('A61 · a thousand clients with unknown kids', () => {
  test('A61 · cause one fetch per cool-down, and good tokens still pass', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const { keys, clock } = createRemoteKeys(remote)
    const { verify } = createTestVerifier(issuer, { keys, now: () => clock.now() })
    const { answer } = createTestApp(verify)
    const good = await issuer.token()
    expect(await answer(good)).toBe('200')
    for (let round = 1; round <= 2; round += 1) {
      clock.seconds += 10
      const forged = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => issuer.token({ header: { kid: `unknown-${round}-${index}` } })),
      )
      const answers = await Promise.all([...forged.map(answer), answer(good), answer(await issuer.token())])
      expect(remote.fetches()).toHaveLength(1 + round)
      expect(answers.slice(-2)).toEqual(['200', '200'])
      expect(new Set(answers.slice(0, 1000))).toEqual(new Set(['401 invalid_token']))
      // Within the cool-down the answer is not known: 503, not 401.
      expect(await answer(await issuer.token({ header: { kid: `later-${round}` } }))).toBe('503')
      expect(remote.fetches()).toHaveLength(1 + round)
    }
  })

  test('A61 · cause one fetch in a cold start too', async () => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    const { keys } = createRemoteKeys(remote)
    const { verify } = createTestVerifier(issuer, { keys })
    const forged = await Promise.all(
      Array.from({ length: 500 }, (_, index) => issuer.token({ header: { kid: `unknown-${index}` } })),
    )
    await Promise.all(forged.map((token) => outcome(verify, token)))
    expect(remote.fetches()).toHaveLength(1)
  })
})

test('a token with alg none or a broken header causes no fetch', async () => {
  const remote = createRemoteIssuer([issuer.publicJwk])
  const { keys } = createRemoteKeys(remote)
  const { verify } = createTestVerifier(issuer, { keys })
  for (const header of [{ alg: 'none' }, { alg: 'HS256' }, { typ: 'JWT' }, { crit: ['x'] }, { kid: '../x' }]) {
    expect(await outcome(verify, await issuer.token({ header }))).toMatch(/^invalid_token /)
  }
  expect(remote.requests).toEqual([])
})

/** A modulus of 2048 bits with the structure of CVE-2017-15361: a power of 65537 modulo each small prime. */
function rocaModulus(): string {
  let product = 1n
  for (let candidate = 2n; candidate <= 167n; candidate += 1n) {
    let isPrime = true
    for (let divisor = 2n; divisor * divisor <= candidate; divisor += 1n) isPrime &&= candidate % divisor !== 0n
    if (isPrime) product *= candidate
  }
  let power = 1n
  for (let step = 0; step < 4321; step += 1) power = (power * 65537n) % product
  const modulus = ((1n << 2047n) / product + 1n) * product + power
  return Buffer.from(modulus.toString(16), 'hex').toString('base64url')
}
