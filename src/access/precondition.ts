import { invalidRequest, ServiceError } from '../errors.ts'

/**
 * What `If-Match` asks for: the revision that the caller saw last, or a header that matches no revision (RFC 9110
 * §13.1.1). `weak`: a weak tag, which never matches. `several`: more than one tag. `foreign`: anything else.
 */
export type ExpectedRevision = number | 'weak' | 'several' | 'foreign'

/**
 * Throws `precondition_failed` when the caller named another revision than this one, and `invalid_request` when it
 * named several. `revision` undefined = what is changed has no tag, so no tag matches. The gate for changes calls it
 * under the lock. A dry run calls it too, so that it refuses what the change would refuse.
 */
export function requireExpectedRevision(
  { expectedRevision }: { readonly expectedRevision?: ExpectedRevision | undefined },
  revision: number | undefined,
): void {
  if (expectedRevision === undefined || expectedRevision === revision) return
  if (expectedRevision === 'several') throw invalidRequest('If-Match has more than one entity tag. Send one.')
  const detail = faultOf(expectedRevision, revision)
  throw new ServiceError('precondition_failed', detail === undefined ? {} : { detail })
}

function faultOf(expected: Exclude<ExpectedRevision, 'several'>, revision: number | undefined): string | undefined {
  if (revision === undefined)
    return 'If-Match names a tag, but this request changes nothing that has one. Leave it out.'
  if (expected === 'weak') {
    return 'The tag in If-Match is weak (W/), and a weak tag never matches. A proxy that compresses answers makes tags weak: switch off its compression for this path (nginx: gzip off). Or send the revision of the answer in quotes.'
  }
  if (expected === 'foreign') {
    return 'The tag in If-Match is not one that this service sends. Send the revision of the answer in quotes, such as "3". If a proxy changed the tag, switch off its compression for this path (Apache: DeflateAlterETag NoChange).'
  }
  return undefined
}
