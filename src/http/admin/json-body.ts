import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ServiceError } from '../../errors.ts'
import type { AppEnv } from '../context.ts'
import { inspectJson } from '../misplaced-credential.ts'

const bounded = bodyLimit({
  maxSize: 16 * 1024,
  onError: () => {
    throw new ServiceError('payload_too_large')
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
 * Reads the body of an admin request: empty, or uncompressed JSON of at most 16 KB (1 MB for an import). Throws
 * `payload_too_large`, `unsupported_media_type`, `invalid_request`, `misplaced_credential`. Does not check the JSON against the route's schema.
 */
export const readJsonBody: MiddlewareHandler<AppEnv> = async function readJsonBody(c, next) {
  if (c.req.header('content-encoding') !== undefined) throw new ServiceError('unsupported_media_type')
  return await (c.req.path.endsWith(importPath) ? boundedImport : bounded)(c, async () => {
    await checkJson(c)
    await next()
  })
}

/** Hono keeps the text on the request, so the schema validator can read it again. */
async function checkJson(c: Context<AppEnv>): Promise<void> {
  const text = await c.req.text()
  if (text === '') return
  const mediaType = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', {
      detail: 'The body is not declared as JSON. Send Content-Type: application/json.',
    })
  }
  inspectJson(c, parsed(text))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('invalid_request', { detail: 'The body is not valid JSON. Correct it.', cause })
  }
}
