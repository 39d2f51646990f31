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

/** The one route that takes a thousand things at once. */
const importPath = '/api-keys/import'
const boundedImport = bodyLimit({
  maxSize: 1024 * 1024,
  onError: () => {
    throw new ServiceError('payload_too_large', { detail: 'The request body is larger than 1 MB.' })
  },
})

/**
 * Reads the body of a request to the admin API: at most 16 KB of JSON (1 MB of an import), not compressed, or nothing at all. Throws
 * `payload_too_large`, `unsupported_media_type`, `invalid_request`. What the JSON says is checked by the route's schema.
 */
export const readJsonBody: MiddlewareHandler<AppEnv> = async function readJsonBody(c, next) {
  if (c.req.header('content-encoding') !== undefined) throw new ServiceError('unsupported_media_type')
  return await (c.req.path.endsWith(importPath) ? boundedImport : bounded)(c, async () => {
    await checkJson(c.req)
    await next()
  })
}

/** The text is kept by the request, so that the schema's reader finds it. */
async function checkJson(request: {
  header(name: string): string | undefined
  text(): Promise<string>
}): Promise<void> {
  const text = await request.text()
  if (text === '') return
  const mediaType = request.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new ServiceError('unsupported_media_type', { detail: 'Send the body as application/json.' })
  }
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('invalid_request', { detail: 'The body is not JSON.', cause })
  }
}
