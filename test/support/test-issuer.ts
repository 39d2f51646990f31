import { Hono } from 'hono'
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose'
import { AccessTokenError } from '../../src/kit/access-token-error.ts'
import type { GuardOptions } from '../../src/kit/guard.ts'
import { requireAccessToken } from '../../src/kit/hono.ts'
import type { VerificationAlgorithm } from '../../src/kit/key-sets/jwk.ts'
import { localKeySet } from '../../src/kit/key-sets/local-key-set.ts'
import { type MemoryRevocationList, memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import type { AccessToken } from '../../src/kit/token/access-token.ts'
import { createAccessTokenVerifier } from '../../src/kit/verifier.ts'
import type { AccessTokenVerifierOptions } from '../../src/kit/verifier-options.ts'

export const issuerUrl = 'https://auth.example'
export const audience = 'https://api.example'
/** 2026-11-20T12:00:00Z, when every test begins. */
export const startSeconds = 1_795_176_000

export type TestIssuer = Awaited<ReturnType<typeof createTestIssuer>>
type Changes = { readonly header?: object; readonly claims?: object }

/** An issuer with one key pair that signs anything it is given, valid or not. */
export async function createTestIssuer(algorithm: VerificationAlgorithm = 'ES256', kid = `${algorithm}-key`) {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }
  const header = { alg: algorithm, kid, typ: 'at+jwt' }

  /** Parts as they are: a text is not parsed, so it may contain what no serializer writes. */
  async function sign(
    headerPart: object | string | Uint8Array,
    payload: object | string | Uint8Array,
  ): Promise<string> {
    const input = `${encodePart(headerPart)}.${encodePart(payload)}`
    const signature = await crypto.subtle.sign(
      signatureParameters[algorithm],
      privateKey,
      new TextEncoder().encode(input),
    )
    return `${input}.${encodePart(new Uint8Array(signature))}`
  }

  return {
    kid,
    publicJwk,
    privateKey: privateKey as CryptoKey,
    jwks: { keys: [publicJwk] },
    header,
    claims: goodClaims,
    sign,
    /** A valid access token with these changes. A member that is undefined is left out. */
    token: (changes: Changes = {}) => sign({ ...header, ...changes.header }, { ...goodClaims(), ...changes.claims }),
  }
}

let tokens = 0

function goodClaims() {
  tokens += 1
  return {
    iss: issuerUrl,
    sub: 'key_0001',
    aud: audience,
    client_id: 'key_0001',
    iat: startSeconds,
    exp: startSeconds + 900,
    jti: `token-${tokens}`,
    scope: 'orders:read orders:write',
    org_id: 'org_0001',
    env: 'live',
    key_version: 1,
  }
}

type Clock = { seconds: number; now(): Date }

export function createClock(): Clock {
  return {
    seconds: startSeconds,
    now() {
      return new Date(this.seconds * 1000)
    },
  }
}

/** A verifier for `audience` with a list in memory and a movable clock. */
export function createTestVerifier(
  issuer: Pick<TestIssuer, 'jwks'>,
  options: Partial<AccessTokenVerifierOptions> = {},
) {
  const clock = createClock()
  const now = () => clock.now()
  const revocations: MemoryRevocationList = memoryRevocationList({ now })
  const algorithms = options.algorithms
  const keys = localKeySet(async () => issuer.jwks, { now, ...(algorithms && { algorithms }) })
  const verifier = createAccessTokenVerifier({
    issuer: issuerUrl,
    audience,
    environment: 'live',
    keys,
    revocations,
    now,
    ...options,
  })
  return { clock, revocations, verify: async (text: string): Promise<AccessToken> => verifier.verify(text), verifier }
}

/** `accepted`, or the code and the private reason of the refusal. */
export async function outcome(
  verify: (text: string) => AccessToken | Promise<AccessToken>,
  text: string,
): Promise<string> {
  try {
    await verify(text)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof AccessTokenError)) throw error
    return `${error.code} ${error.reason}`
  }
}

/** A route behind the middleware. `reasons` collects the reasons for the operator. */
export function createTestApp(
  verify: (text: string) => AccessToken | Promise<AccessToken>,
  scope?: GuardOptions['scope'],
) {
  const reasons: string[] = []
  const app = new Hono()
  app.use(
    '/orders',
    requireAccessToken({ verifier: { verify, audience }, scope, onRefused: ({ reason }) => reasons.push(reason) }),
  )
  app.all('/orders', (c) => c.json({ by: c.var.accessToken.clientId }))
  return {
    app,
    reasons,
    request: (headers: Record<string, string>, path = '/orders') => app.request(path, { headers }),
    /** Status and `error` of the challenge for a token in an Authorization header. */
    async answer(token: string): Promise<string> {
      const response = await app.request('/orders', { headers: { authorization: `Bearer ${token}` } })
      const error = /error="([a-z_]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
      return [response.status, error].filter((part) => part !== undefined).join(' ')
    },
  }
}

export function encodePart(part: object | string | Uint8Array): string {
  const bytes = part instanceof Uint8Array ? part : typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(bytes).toString('base64url')
}

const signatureParameters: Record<VerificationAlgorithm, AlgorithmIdentifier | EcdsaParams | RsaPssParams> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
}
