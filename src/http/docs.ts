import type { Context, Hono } from 'hono'
import { ServiceError } from '../errors.ts'
import type { ReferenceAsset } from '../platform.ts'
import type { AppEnv } from './context.ts'
import { page, start, style } from './docs-page.ts'
import { errorResponse, methodNotAllowed } from './error-response.ts'
import { type PublicDocument, publicDocumentRoute } from './public-document.ts'

/**
 * `GET /docs`: the API document as a page to read and to try. Everything on it comes from this service; nothing on it runs that is not
 * a file of ours, and no other page may frame it. Where the platform has no files (Workers) there is no page.
 */
export function docsRoutes(app: Hono<AppEnv>): void {
  app.get('/docs', (c) => {
    if (!c.get('services').platform.readReferenceAsset) return noPage(c)
    return c.body(page, 200, pageHeaders)
  })
  app.all('/docs', (c) => methodNotAllowed(c, 'GET, HEAD'))
  app.get('/docs/', (c) => c.redirect('../docs', 308))
  publicDocumentRoute(app, '/docs/start.js', (c) => file(c, 'text/javascript', async () => start))
  publicDocumentRoute(app, '/docs/style.css', (c) => file(c, 'text/css', async () => style))
  for (const [name, contentType] of assets) {
    publicDocumentRoute(app, `/docs/${name}`, (c) => file(c, contentType, (read) => read(name)))
  }
}

const assets: readonly [name: ReferenceAsset, contentType: string][] = [
  ['swagger-ui.css', 'text/css'],
  ['swagger-ui-bundle.js', 'text/javascript'],
]

type ReadAsset = (name: ReferenceAsset) => Promise<string>

async function file(
  c: Context<AppEnv>,
  contentType: string,
  text: (read: ReadAsset) => Promise<string>,
): Promise<PublicDocument | Response> {
  const { platform } = c.get('services')
  if (!platform.readReferenceAsset) return noPage(c)
  const body = await text(platform.readReferenceAsset)
  return {
    body,
    etag: `"${await platform.sha256(body)}"`,
    contentType: `${contentType}; charset=utf-8`,
    maxAgeSeconds: 3600,
  }
}

function noPage(c: Context<AppEnv>): Response {
  return errorResponse(
    c,
    new ServiceError('not_found', {
      detail: 'The reference page is not served here. What it would show is at /openapi.json.',
    }),
  )
}

/** `data:` is for the icons in the style sheet. The page sends what its reader types to this origin only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'public, max-age=300',
}
