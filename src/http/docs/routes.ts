import type { Context, Hono } from 'hono'
import { ServiceError } from '../../errors.ts'
import type { ReferenceAsset } from '../../platform.ts'
import type { AppEnv } from '../context.ts'
import { errorResponse, methodNotAllowed } from '../error-response.ts'
import { pageHeaders } from '../page-headers.ts'
import { type PublicDocument, publicDocumentRoute } from '../public-document.ts'

/**
 * `GET /docs`: the API document as a page where people can read and try it. Everything on the page comes from this
 * service, only its script files run, and no other page may frame it. Addresses in it are relative, so it also works
 * behind a path prefix. A platform without files (Workers) has no page.
 */
export function docsRoutes(app: Hono<AppEnv>): void {
  app.get('/docs', async (c) => {
    const page = await readAsset(c, 'index.html')
    return page === undefined ? noPage(c) : c.body(page, 200, pageHeaders)
  })
  app.all('/docs', (c) => methodNotAllowed(c, 'GET, HEAD'))
  app.get('/docs/', (c) => c.redirect('../docs', 308))
  for (const [name, contentType] of files) {
    publicDocumentRoute(app, `/docs/${name}`, (c) => readFile(c, name, contentType))
  }
}

const files: readonly [name: ReferenceAsset, contentType: string][] = [
  ['start.js', 'text/javascript'],
  ['style.css', 'text/css'],
  ['swagger-ui.css', 'text/css'],
  ['swagger-ui-bundle.js', 'text/javascript'],
]

async function readFile(
  c: Context<AppEnv>,
  name: ReferenceAsset,
  contentType: string,
): Promise<PublicDocument | Response> {
  const body = await readAsset(c, name)
  if (body === undefined) return noPage(c)
  return {
    body,
    etag: `"${await c.get('services').platform.sha256(body)}"`,
    contentType: `${contentType}; charset=utf-8`,
    maxAgeSeconds: 3600,
  }
}

/** Undefined if the platform has no files. */
async function readAsset(c: Context<AppEnv>, name: ReferenceAsset): Promise<string | undefined> {
  return await c.get('services').platform.readReferenceAsset?.(name)
}

function noPage(c: Context<AppEnv>): Response {
  const detail = 'The reference page is not available here. Read the API document at /openapi.json.'
  return errorResponse(c, new ServiceError('not_found', { detail }))
}
