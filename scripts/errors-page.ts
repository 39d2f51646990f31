import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type CatalogueEntry, errorCatalogue, type ServiceErrorCode } from '../src/error-catalogue.ts'
import { errorGuide } from './error-guide.ts'

// `node scripts/errors-page.ts` writes docs/errors.md from the catalogue in src/error-catalogue.ts and the sentences in
// error-guide.ts.

const path = fileURLToPath(new URL('../docs/errors.md', import.meta.url))

/** One section for each code, in the order of the catalogue. */
export function errorsPage(): string {
  return `${introduction}\n${Object.keys(errorCatalogue).filter(isCode).map(section).join('\n')}`
}

const isCode = (text: string): text is ServiceErrorCode => text in errorGuide

const introduction = `# Errors

<!-- Written by \`node scripts/errors-page.ts\` from src/error-catalogue.ts and scripts/error-guide.ts: change those. -->

Every error has a stable code. The admin API and the public documents answer with a problem document (RFC 9457). Its \`code\` member is the code, and its
\`type\` is \`urn:mintage:problem:<code>\`: a name, not an address, so it is the same for every service. This page has a section for each code.

\`\`\`json
{
  "type": "urn:mintage:problem:not_found",
  "title": "Not found",
  "status": 404,
  "detail": "Not found, or you do not have access.",
  "instance": "urn:mintage:request:req_…",
  "code": "not_found"
}
\`\`\`

\`/token\`, \`/introspect\` and \`/revoke\` answer in the form of RFC 6749 §5.2, \`{ "error", "error_description" }\`, which has fewer codes: each section names
the one that is used. \`detail\` is for people and may change. Programs decide by \`code\` (or \`error\`) and by the status. \`instance\` and the
\`X-Request-Id\` header name the request in the log.

Retry 503 after \`Retry-After\`, and 408. Everything else fails again until the request or the resource changes.
`

function section(code: ServiceErrorCode): string {
  const { status, title, oauth, detail, retryAfterSeconds }: CatalogueEntry = errorCatalogue[code]
  const { happens, remedy } = errorGuide[code]
  const retry = retryAfterSeconds === undefined ? '' : ` · \`Retry-After: ${retryAfterSeconds}\``
  return `## ${code}

${status} ${title} · OAuth \`${oauth}\`${retry}

> ${detail}

**When.** ${happens}

**What to do.** ${remedy}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, errorsPage())
