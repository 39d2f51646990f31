import { z } from 'zod'
import { AccessTokenError } from '../../src/kit/access-token-error.ts'
import type { TestService } from './test-service.ts'

export const apiKeyTokenType = 'urn:mintage:params:oauth:token-type:api-key'
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Parameters by name, or as pairs if one occurs more than once. */
type Parameters = Record<string, string> | [string, string][]

/** A POST request with a form. */
export function form(parameters: Parameters, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(parameters).toString(),
  }
}

/** The value of an Authorization header (RFC 7617). */
export function basic(clientId: string, secret: string): string {
  return `Basic ${btoa(`${clientId}:${secret}`)}`
}

const tokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.number(),
  scope: z.string().optional(),
  issued_token_type: z.string().optional(),
})

/** Exchanges a key sent in X-API-Key. Fails the test if the key is refused. */
export async function exchange(service: Pick<TestService, 'request'>, secret: string, parameters: Parameters = {}) {
  const response = await service.request('/token', form(parameters, { Authorization: `Bearer ${secret}` }))
  if (response.status !== 200) throw new Error(`the exchange was refused: ${response.status} ${await response.text()}`)
  return tokenAnswer.parse(await response.json())
}

/** Sends only the key, good or bad, and returns the answer. */
export async function tryExchange(service: TestService, secret: string): Promise<Response> {
  return await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
}

/** Whether the service accepts the token now, with an up-to-date revocation list. */
export async function isLive({ services }: TestService, token: string): Promise<boolean> {
  await services.revocations.refresh()
  try {
    await services.verifier.verify(token)
    return true
  } catch (error) {
    if (error instanceof AccessTokenError) return false
    throw error
  }
}

/** Header and claims of a JWT, unverified. */
export function partsOf(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = '', claims = ''] = token.split('.')
  return { header: decodePart(header), claims: decodePart(claims) }
}

function decodePart(part: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(part, 'base64url').toString()))
}

/** Status, error code and relevant headers, as one value to compare. */
export async function oauthError(response: Response) {
  const body = z.object({ error: z.string(), error_description: z.string().optional() }).parse(await response.json())
  return { status: response.status, error: body.error, challenge: response.headers.get('www-authenticate') }
}
