import { z } from 'zod'
import { AccessTokenError } from '../../src/kit/access-token-error.ts'
import type { TestService } from './test-service.ts'

export const apiKeyTokenType = 'urn:mintage:params:oauth:token-type:api-key'
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Parameters by name, or as pairs where one comes more than once. */
export type Parameters = Record<string, string> | [string, string][]

/** A POST of a form. */
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

/** Exchanges a key by the shorthand; fails the test when it is refused. */
export async function exchange(service: TestService, secret: string, parameters: Parameters = {}) {
  const response = await service.request('/token', form(parameters, { Authorization: `Bearer ${secret}` }))
  if (response.status !== 200) throw new Error(`the exchange was refused: ${response.status} ${await response.text()}`)
  return tokenAnswer.parse(await response.json())
}

/** Sends nothing but the key, good or not; the answer as it came. */
export async function tryExchange(service: TestService, secret: string): Promise<Response> {
  return await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
}

/** Whether the service takes the token, by its revocation list as it is now. */
export async function lives({ services }: TestService, token: string): Promise<boolean> {
  await services.revocations.refresh()
  try {
    await services.verifier.verify(token)
    return true
  } catch (error) {
    if (error instanceof AccessTokenError) return false
    throw error
  }
}

/** What a JWT says, unverified. */
export function partsOf(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = '', claims = ''] = token.split('.')
  return { header: decodePart(header), claims: decodePart(claims) }
}

function decodePart(part: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(part, 'base64url').toString()))
}

/** Status, error code and the headers that matter, as one value to compare. */
export async function oauthError(response: Response) {
  const body = z.object({ error: z.string(), error_description: z.string().optional() }).parse(await response.json())
  return { status: response.status, error: body.error, challenge: response.headers.get('www-authenticate') }
}
