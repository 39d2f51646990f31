import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'

export const issuer = 'http://localhost:8787'
export const audience = 'http://localhost:8787/api'

type TestIssuer = { jwks: JSONWebKeySet; tokens(count: number): Promise<string[]> }

/** Signs access tokens as the service does, each with a different id. */
export async function createTestIssuer(): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const kid = 'bench'
  const sign = () =>
    new SignJWT({ client_id: 'key_bench', scope: 'orders:read', org_id: 'org_bench', env: 'live', key_version: 1 })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject('key_bench')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('15m')
      .setJti(crypto.randomUUID())
      .sign(privateKey)
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] },
    tokens: (count) => Promise.all(Array.from({ length: count }, sign)),
  }
}
