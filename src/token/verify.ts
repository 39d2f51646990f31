import { ServiceError } from '../errors.ts'
import { AccessTokenError } from '../kit/access-token-error.ts'
import type { AccessToken } from '../kit/token/access-token.ts'
import type { Services } from '../services.ts'

/**
 * Verifies an access token of this service. If the token is refused, returns the error as a value. Throws
 * `revocations_unavailable` if the token cannot be checked right now. Does not check the audience or the API key behind
 * the token.
 */
export async function verifyAccessToken(
  { verifier }: Pick<Services, 'verifier'>,
  text: string,
): Promise<AccessToken | AccessTokenError> {
  try {
    return await verifier.verify(text)
  } catch (error) {
    if (!(error instanceof AccessTokenError)) throw error
    if (error.code !== 'unavailable') return error
    throw new ServiceError('revocations_unavailable', { reason: error.reason, cause: error })
  }
}
