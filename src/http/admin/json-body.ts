import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { invalidRequest, ServiceError } from '../../errors.ts'
import { lostMember } from '../../kit/json-object.ts'
import type { AppEnv } from '../context.ts'
import { inspectJson } from '../misplaced-credential.ts'

/** All settings of a key at their limits, with every character outside ASCII escaped, as some clients do. */
const longestKilobytes = 48
const bounded = bodyLimit({
  maxSize: longestKilobytes * 1024,
  onError: () => {
    throw new ServiceError('payload_too_large', {
      detail: `The request body is larger than ${longestKilobytes} KB. Send less at once.`,
    })
  },
})

/** The only route that takes up to a thousand rows at once. */
const importPath = '/api-keys/import'
const boundedImport = bodyLimit({
  maxSize: 1024 * 1024,
  onError: () => {
    throw new ServiceError('payload_too_large', {
      detail: 'The request body is larger than 1 MB. Send fewer rows at once.',
    })
  },
})

/**
 * Reads the body of an admin request: empty, or uncompressed JSON of at most 48 KB (1 MB for an import). Throws
 * `payload_too_large`, `unsupported_media_type`, `invalid_request`, `misplaced_credential`. Does not check the JSON
 * against the route's schema.
 */
export const readJsonBody: MiddlewareHandler<AppEnv> = async function readJsonBody(c, next) {
  if (c.req.header('content-encoding') !== undefined) throw new ServiceError('unsupported_media_type')
  return await (c.req.path.endsWith(importPath) ? boundedImport : bounded)(c, async () => {
    await checkJson(c)
    await next()
  })
}

/** For a route that takes no body: a member that nobody reads, such as `dryRun`, would be ignored. `{}` is allowed. */
export const refuseBody: MiddlewareHandler<AppEnv> = async function refuseBody(c, next) {
  const text = await c.req.text()
  if (text !== '' && Object.keys(Object(JSON.parse(text))).length > 0)
    throw invalidRequest('This request takes no body. Leave it out.')
  return await next()
}

/** Hono keeps the bytes on the request, so the schema validator can read them again. */
async function checkJson(c: Context<AppEnv>): Promise<void> {
  const bytes = await c.req.arrayBuffer()
  if (bytes.byteLength === 0) return
  const mediaType = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', {
      detail: 'The body is not declared as JSON. Send Content-Type: application/json.',
    })
  }
  inspectJson(c, parsed(decoded(bytes)))
}

/** `c.req.text()` would drop a byte order mark, and replace bytes that are not UTF-8. */
function decoded(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new ServiceError('invalid_request', { detail: 'The body is not UTF-8. Send JSON in UTF-8.', cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Also refuses members that would be silently dropped: `__proto__`, and all but the last of the same name. */
function parsed(text: string): unknown {
  if (text.startsWith('\ufeff')) {
    throw invalidRequest('The body begins with a byte order mark. Send it without (RFC 8259, section 8.1).')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('invalid_request', { detail: 'The body is not valid JSON. Correct it.', cause })
  }
  const lost = lostMember(text, value)
  if (lost === '__proto__') throw invalidRequest('The body has a member __proto__. Remove it.')
  if (lost === 'duplicate')
    throw invalidRequest('An object in the body has two members of the same name. Send each once.')
  return value
}
