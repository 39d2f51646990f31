import type { Hono } from 'hono'
import { html } from 'hono/html'
import { version } from '../version.ts'
import type { AppEnv } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { pageHeaders } from './page-headers.ts'

/**
 * `GET /`: a page that says what answers here, with links. They begin with the path of the issuer, where it is mounted.
 */
export function homeRoutes(app: Hono<AppEnv>): void {
  app.get('/', async (c) => {
    const { config, platform } = c.get('services')
    const base = new URL(config.issuer).pathname.replace(/\/$/, '')
    const shown = links.filter(({ path }) => path !== '/docs' || platform.readReferenceAsset !== undefined)
    const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mintage</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Mintage ${version}</h1>
<p>Exchanges long-lived API keys for short-lived JWTs that can be revoked. Its issuer is ${config.issuer}.</p>
<ul>
${shown.map(
  ({ path, text }) => html`<li><a href="${base}${path}">${text}</a></li>
`,
)}</ul>
</body>
</html>
`
    return c.body(String(await page), 200, pageHeaders)
  })
  app.all('/', (c) => methodNotAllowed(c, 'GET, HEAD'))
}

const links = [
  { path: '/docs', text: 'Reference: read and try the routes' },
  { path: '/openapi.json', text: 'API document, in OpenAPI 3.1' },
  { path: '/.well-known/oauth-authorization-server', text: 'Metadata: endpoints and what they support' },
  { path: '/.well-known/jwks.json', text: 'Public keys that verify access tokens' },
  { path: '/readyz', text: 'Whether this instance is ready' },
]
