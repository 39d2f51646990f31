import type { Context } from 'hono'
import { longestSecret } from '../api-keys/format.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { longestTokenText } from '../kit/token/token-text.ts'
import type { AppEnv } from './context.ts'

/**
 * The longest token, or at `/token` all scopes and audiences that fit into one, with two secrets and the names of the
 * parameters. A client may percent-encode every character.
 */
const longestBodyBytes = 3 * (longestTokenText + 2 * longestSecret + 1024)
const slowestBodyMilliseconds = 5_000

/**
 * The text of a form body, not parsed. Limits its size, with any framing, and its arrival time. An empty body needs no
 * content type. Bytes that are not UTF-8 become U+FFFD, which no parameter allows.
 *
 * Throws `invalid_request` for JSON, multipart and other charsets (RFC 6749 App. B), and for a query, because proxies
 * would log credentials in it (RFC 6749 §2.3.1). Throws `unsupported_media_type` for a compressed body,
 * `payload_too_large` and `request_timeout`. Without a body it returns a string instead of a promise, which is faster.
 */
export function readFormBody(c: Context<AppEnv>): string | Promise<string> {
  if (hasQuery(c.req.url)) {
    throw invalidRequest('The URL has a query. Send all parameters in the body.')
  }
  const coding = c.req.header('content-encoding')
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new ServiceError('unsupported_media_type', {
      detail: 'The body is compressed. Send it uncompressed.',
    })
  }
  const length = c.req.header('content-length')
  if (length === '0' || (length === undefined && hasNoBody(c))) return ''
  const announced = length === undefined ? undefined : Number(length)
  if (announced !== undefined && !(announced <= longestBodyBytes)) throw tooLarge()
  return readText(c, announced)
}

async function readText(c: Context<AppEnv>, announced: number | undefined): Promise<string> {
  const contentType = c.req.header('content-type')
  const text = await within(slowestBodyMilliseconds, announced === undefined ? boundedText(c.req.raw) : c.req.text())
  if (text !== '' && !isForm(contentType)) {
    throw invalidRequest(
      'The body is not a form. Send it as Content-Type: application/x-www-form-urlencoded, in UTF-8.',
    )
  }
  return text
}

function tooLarge(): ServiceError {
  return new ServiceError('payload_too_large', {
    detail: `The form is larger than ${longestBodyBytes} bytes. Send less at once.`,
  })
}

/** A request target with a fragment breaks HTTP's rules. It is refused like a query. */
function hasQuery(url: string): boolean {
  return url.includes('?') || url.includes('#')
}

/**
 * On an HTTP/1.1 connection a request without either header has no body (RFC 9112 §6.3). Asking for the
 * body stream instead would cost as much as the rest of the function.
 */
function hasNoBody(c: Context<AppEnv>): boolean {
  if (c.req.header('transfer-encoding') !== undefined) return false
  const isNodeConnection = typeof c.env === 'object' && c.env !== null && 'incoming' in c.env
  return isNodeConnection || c.req.raw.body === null
}

function isForm(contentType: string | undefined): boolean {
  return (
    contentType === 'application/x-www-form-urlencoded' ||
    (contentType !== undefined &&
      /^application\/x-www-form-urlencoded *(?:; *charset="?utf-?8"? *)?;? *$/i.test(contentType))
  )
}

/** For bodies without a Content-Length. */
async function boundedText(request: Request): Promise<string> {
  if (!request.body) return ''
  const reader = request.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > longestBodyBytes) {
      reader.cancel().catch(() => {})
      throw tooLarge()
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** Throws `request_timeout`. If the connection breaks, throws `invalid_request`: that is the caller's fault. */
function within(milliseconds: number, text: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ServiceError('request_timeout')), milliseconds)
    text.then(
      (complete) => {
        clearTimeout(timer)
        resolve(complete)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(
          error instanceof ServiceError
            ? error
            : new ServiceError('invalid_request', { reason: 'body broke off', cause: error }),
        )
      },
    )
  })
}
