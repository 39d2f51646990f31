import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { adminRoutes } from '../src/http/admin/routes.ts'

// `node scripts/admin-api-page.ts` copies the summary of each route from the OpenAPI document into the tables of
// docs/admin-api.md.

const path = fileURLToPath(new URL('../docs/admin-api.md', import.meta.url))

/** The page with the OpenAPI summary in the row of each route. Adds and removes no rows. */
export function withSummaries(page: string): string {
  const summaries = summaryOfEachRoute()
  return page.replace(/^\| `([A-Z]+ \/v1\/[^`]+)` \| .* \|$/gm, (row, route: string) => {
    const summary = summaries.get(route)
    return summary === undefined ? row : `| \`${route}\` | ${summary} |`
  })
}

/** Keys are written like `GET /v1/me`. */
export function summaryOfEachRoute(): ReadonlyMap<string, string> {
  const { paths = {} } = adminRoutes().getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
  return new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { summary = '' }]: [string, { summary?: string }]) => [
        `${method.toUpperCase()} /v1${path}`,
        summary,
      ]),
    ),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, withSummaries(readFileSync(path, 'utf8')))
