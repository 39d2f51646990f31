import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ServiceError } from '../../errors.ts'
import type { AppEnv } from '../context.ts'

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
 * `payload_too_large`, `unsupported_media_type`, `invalid_request`. Does not check the JSON against the route's schema.
 */
export const readJsonBody: MiddlewareHandler<AppEnv> = async function readJsonBody(c, next) {
  if (c.req.header('content-encoding') !== undefined) throw new ServiceError('unsupported_media_type')
  return await (c.req.path.endsWith(importPath) ? boundedImport : bounded)(c, async () => {
    await checkJson(c.req)
    await next()
  })
}

/** Hono keeps the text on the request, so the schema validator can read it again. */
async function checkJson(request: {
  header(name: string): string | undefined
  text(): Promise<string>
}): Promise<void> {
  const text = await request.text()
  if (text === '') return
  const mediaType = request.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', {
      detail: 'The body is not declared as JSON. Send Content-Type: application/json.',
    })
  }
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('invalid_request', { detail: 'The body is not valid JSON. Correct it.', cause })
  }
}
