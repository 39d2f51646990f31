import { withDeadline } from './runtime.ts'

/** The `fetch` that the kit uses: the runtime's, or one that an application or a test passes. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>

export type DocumentRequest = {
  readonly fetch: Fetch
  readonly url: string
  /** Covers the whole request, including the body. */
  readonly timeoutMilliseconds: number
  readonly maximumBytes: number
  /** Asks caches to revalidate with the origin. */
  readonly noCache?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Fetches a small public JSON document. Accepts only status 200 and follows no redirect, because a redirect could
 * choose the keys. Reads at most `maximumBytes` after decompression. Gives up at the deadline even if `fetch` ignores
 * its signal. Rejects with an Error.
 */
export async function fetchDocument(request: DocumentRequest): Promise<{ json: unknown; headers: Headers }> {
  const { url, timeoutMilliseconds } = request
  const late = () => new Error(`no answer within ${timeoutMilliseconds} ms from ${url}`)
  return await withDeadline((signal) => load(request, signal), timeoutMilliseconds, late)
}

/** `https:`, or `http:` if the issuer itself uses http: a key set must be protected at least as well as the issuer. */
export function isAcceptableUrl(url: string, issuer: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password } = new URL(url)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http://'))
}

export const runtimeFetch: Fetch = (input, init) => fetch(input, init)

async function load({ fetch, url, maximumBytes, noCache, headers: further }: DocumentRequest, signal: AbortSignal) {
  const headers = { Accept: 'application/json', ...further, ...(noCache ? { 'Cache-Control': 'no-cache' } : {}) }
  // `manual`, because Workers do not support `error`. The status check below refuses the redirect.
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

/** Not every runtime can iterate a ReadableStream directly. */
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
