import type { Context } from 'hono'
import type { RequestOrigin } from '../access/principal.ts'
import { checkApiKey } from '../api-keys/authenticate.ts'
import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import { ServiceError } from '../errors.ts'
import { readBearer } from '../kit/bearer.ts'
import { isVerifierName, verifierNameHeader } from '../kit/key-sets/verifier-name.ts'
import type { Services } from '../services.ts'
import { type AppEnv, requestOrigin } from './context.ts'

/**
 * Records, after the answer, which verifier fetched these keys: one that sent a name, an API key, or both. The document
 * is public, so a refused key does not change the answer; its sender counts as anonymous. Requests with neither name
 * nor key, and HEAD requests, are not recorded.
 */
export function noteVerifier(c: Context<AppEnv>, kids: readonly string[]): void {
  const given = c.req.header(verifierNameHeader)
  const name = given !== undefined && isVerifierName(given) ? given : ''
  const credential = readBearer({ get: (header) => c.req.header(header) })
  if (c.req.method === 'HEAD' || (name === '' && credential.kind !== 'token')) return
  const services = c.get('services')
  const receivedAt = c.get('receivedAt')
  const { address, agent, requestId } = requestOrigin(c)
  const note = async () => {
    const clientId =
      credential.kind === 'token'
        ? await authenticatedId(services, credential.token, receivedAt, { address, agent, requestId })
        : ''
    if (clientId === '' && name === '') return
    services.verifiersSeen.remember({ clientId, name, kids: [...kids], lastFetchedAt: receivedAt, address, agent })
  }
  services.platform.defer(note())
}

/** Empty when the key is refused, or when it cannot be checked right now. */
async function authenticatedId(
  services: Services,
  secret: string,
  now: Date,
  { requestId, ...sender }: Pick<RequestOrigin, 'address' | 'agent' | 'requestId'>,
): Promise<string> {
  const caller: { clientId?: string; organizationId?: string } = {}
  const found = ({ id, organizationId }: ApiKeyRecord) => Object.assign(caller, { clientId: id, organizationId })
  const apiKey = await checkApiKey(services, { ...sender, secret, clientId: undefined, found }, now).catch(failureOf)
  if (typeof apiKey !== 'string') return apiKey.id
  services.log('info', 'verifier_not_authenticated', { requestId, ...caller, reason: apiKey })
  return ''
}

function failureOf(error: unknown): string {
  return error instanceof ServiceError ? (error.reason ?? error.code) : 'failed'
}
