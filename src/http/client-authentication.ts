import type { Context } from 'hono'
import { authenticateApiKey } from '../api-keys/authenticate.ts'
import type { ApiKeyRecord } from '../api-keys/lookup.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { readClientCredential } from '../oauth/client-credential.ts'
import { type Form, parseForm } from '../oauth/form.ts'
import { type AppEnv, sender } from './context.ts'
import { readFormBody } from './form-body.ts'
import { inspectFormMember } from './misplaced-credential.ts'

/**
 * The client that calls `/introspect` or `/revoke`, and its form. The API key comes by Basic, form, Bearer or X-API-Key
 * (RFC 7009 §2.1, RFC 7662 §2.1). Throws `unauthenticated`, `api_key_rejected`, `invalid_request`. Does not check what
 * the caller may know.
 */
export async function readClientForm(c: Context<AppEnv>): Promise<{ client: ApiKeyRecord; form: Form }> {
  const form = parseForm(await readFormBody(c), undefined, inspectFormMember(c))
  const credential = readClientCredential(
    { authorization: c.req.header('authorization'), apiKey: c.req.header('x-api-key') },
    form,
  )
  if (!credential) {
    throw new ServiceError('unauthenticated', {
      detail: 'Send an API key: HTTP Basic with the id of the API key and the key, or Authorization: Bearer.',
    })
  }
  const { secret, clientId } = credential
  const client = await authenticateApiKey(c.get('services'), { ...sender(c), secret, clientId }, c.get('receivedAt'))
  return { client, form }
}

/** The one parameter that both endpoints require. `token_type_hint` is not needed: the text itself shows what it is. */
export function requiredToken(form: Form): string {
  const token = form.get('token')
  if (token === undefined) throw invalidRequest('token is missing.')
  return token
}
