import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type CatalogueEntry, errorCatalogue, type ServiceErrorCode } from '../src/errors.ts'
import { errorGuide } from './error-guide.ts'

// `node scripts/errors-page.ts` writes docs/errors.md from the catalogue in src/errors.ts and the sentences in error-guide.ts.

const path = fileURLToPath(new URL('../docs/errors.md', import.meta.url))

/** One section a code, in the order of the catalogue. */
export function errorsPage(): string {
  return `${introduction}\n${Object.keys(errorCatalogue).filter(isCode).map(section).join('\n')}`
}

const isCode = (text: string): text is ServiceErrorCode => text in errorGuide

const introduction = `# Errors

<!-- Written by \`node scripts/errors-page.ts\` from src/errors.ts and scripts/error-guide.ts: change those. -->

Every refusal has a stable code. The admin API and the public documents answer with a problem (RFC 9457), in which \`code\` is the code and \`type\` is
\`urn:mintage:problem:<code>\`: a name and not an address, so that it is the same whichever service answers. This page has a section for each.

\`\`\`json
{
  "type": "urn:mintage:problem:not_found",
  "title": "Not found",
  "status": 404,
  "detail": "There is no such thing here.",
  "instance": "urn:mintage:request:req_…",
  "code": "not_found"
}
\`\`\`

\`/token\`, \`/introspect\` and \`/revoke\` answer in the words of RFC 6749 §5.2, \`{ "error", "error_description" }\`, which know fewer cases: each section names
the one it becomes. \`detail\` is for people and may change; programs decide by \`code\` (or \`error\`) and by the status. \`instance\`, as the header
\`X-Request-Id\`, names the request in the log.

Worth repeating are 503, 408 and 429, after \`Retry-After\`. Everything else stays the same until the request or the thing is changed.
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
