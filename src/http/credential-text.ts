import { containsApiKey } from '../api-keys/format.ts'
import { isJsonObject, readJsonObject } from '../kit/json-object.ts'
import { longestTokenText } from '../kit/token/token-text.ts'

/** An API key has at least this length, and so has every access token. */
const shortestCredential = 50

/**
 * Whether the text contains an API key, of any Mintage service, or an access token of this issuer, with any signature.
 * Other characters may surround it. Also finds one that is written with `%5F` or `\u005f`, and one in Base64, as HTTP
 * Basic writes it: a reader decodes that easily. Linear in the text.
 */
export function containsCredential(text: string, issuer: string): boolean {
  if (text.length < shortestCredential) return false
  return spellingsOf(text).some((spelling) => containsApiKey(spelling) || containsToken(spelling, issuer))
}

/** The text, without its escapes (a proxy or a viewer may undo them once more), and what it holds in Base64. */
function spellingsOf(text: string): string[] {
  const spellings = [text]
  for (let last = text; spellings.length < 4 && /%|\\u/.test(last); ) {
    const next = unescaped(last)
    if (next === last) break
    spellings.push(next)
    last = next
  }
  return spellings.flatMap((spelling) => [spelling, base64Text(spelling)])
}

/** Decodes what can be decoded, even if other escapes are wrong. Characters of credentials are ASCII. */
function unescaped(text: string): string {
  return text.replace(/(?:%|\\+u00)([0-7][0-9A-Fa-f])/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
}

/** Long runs of Base64, decoded. */
function base64Text(text: string): string {
  return Array.from(text.matchAll(/[\w+/-]{68,}/g), ([run]) => decodings(run).join('\n')).join('\n')
}

/** Other letters may come before the Base64, so it is decoded from each of four places. */
function decodings(run: string): string[] {
  const base64 = run.replaceAll('-', '+').replaceAll('_', '/')
  return [0, 1, 2, 3].map((start) => {
    const whole = (base64.length - start) % 4 === 1 ? base64.slice(start, -1) : base64.slice(start)
    return atob(whole)
  })
}

function containsToken(text: string, issuer: string): boolean {
  if (!text.includes('.')) return false
  return text.split(/[^\w.-]+/).some((run) => {
    const parts = run.split('.')
    return parts.some((part, at) => at + 2 < parts.length && isToken(part, parts[at + 1] ?? '', issuer))
  })
}

function isToken(header: string, payload: string, issuer: string): boolean {
  if (header.length < 20 || payload.length < 20 || payload.length > longestTokenText) return false
  if (!payload.startsWith(objectStart) || !endsWithHeader(header)) return false
  const claims = readJsonObject(payload)
  return typeof claims !== 'string' && claims.iss === issuer
}

/** How a JSON object starts in base64url. */
const objectStart = 'ey'
const longestHeader = 512

/** Other characters may come before the header. It is one flat object, so its last brace begins it. */
function endsWithHeader(part: string): boolean {
  return decodings(part.slice(-longestHeader)).some((text) => {
    if (!/at\+jwt"/i.test(text)) return false
    const header = parsed(text.slice(text.lastIndexOf('{')))
    return isJsonObject(header) && typeof header.typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(header.typ)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
