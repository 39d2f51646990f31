import { withDeadline } from './runtime.ts'

/** The `fetch` that the kit uses: the runtime's own, or one that an application or a test gives. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>

export type DocumentRequest = {
  readonly fetch: Fetch
  readonly url: string
  /** For everything, body included. */
  readonly timeoutMilliseconds: number
  readonly maximumBytes: number
  /** Asks caches on the way for what the origin says now. */
  readonly noCache?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Fetches a small public JSON document: answers with 200 only, follows no redirect (who can redirect could choose the keys), reads at
 * most `maximumBytes` after decompression, gives up at the deadline even when `fetch` ignores its signal. Rejects with an Error.
 */
export async function fetchDocument(request: DocumentRequest): Promise<{ json: unknown; headers: Headers }> {
  const { url, timeoutMilliseconds } = request
  const late = () => new Error(`no answer within ${timeoutMilliseconds} ms from ${url}`)
  return await withDeadline((signal) => load(request, signal), timeoutMilliseconds, late)
}

/** `https:`, or `http:` for an issuer that is itself on http: a key set must not travel with less protection than the issuer claims. */
export function isAcceptableUrl(url: string, issuer: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password } = new URL(url)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http://'))
}

export const runtimeFetch: Fetch = (input, init) => fetch(input, init)

async function load({ fetch, url, maximumBytes, noCache, headers: further }: DocumentRequest, signal: AbortSignal) {
  const headers = { Accept: 'application/json', ...further, ...(noCache ? { 'Cache-Control': 'no-cache' } : {}) }
  // `manual` and not `error`, which Workers do not know; the status of a redirect is refused below.
  const response = await fetch(url, { headers, redirect: 'manual', signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`status ${response.status} from ${url}`)
  }
  return { json: JSON.parse(utf8.decode(await readBounded(response, maximumBytes, url))), headers: response.headers }
}

export async function readBounded(response: Response, maximumBytes: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (response.body) {
    // Leaving the loop by throwing cancels the body.
    for await (const chunk of iterate(response.body)) {
      length += chunk.length
      if (length > maximumBytes) throw new Error(`more than ${maximumBytes} bytes from ${url}`)
      chunks.push(chunk)
    }
  }
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

/** Not every runtime can iterate a ReadableStream by itself. */
async function* iterate(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  let finished = false
  try {
    while (true) {
      const { done, value } = await reader.read()
      finished = done
      if (done) return
      yield value
    }
  } finally {
    if (!finished) await reader.cancel()
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
