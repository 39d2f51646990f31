import type { Context } from 'hono'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { AppEnv } from './context.ts'

const longestBodyBytes = 16_384
const slowestBodyMilliseconds = 5_000

/**
 * The text of a form body, not yet parsed; an empty body needs no content type. Bounded in size whatever the framing says, and
 * in time. JSON, multipart and other charsets are `invalid_request`, saying what to send (RFC 6749 App. B); a content coding is
 * never undone (`unsupported_media_type`). Bytes that are no UTF-8 become U+FFFD, which no parameter of ours allows.
 *
 * A query is refused too: credentials would stand in every proxy's log (RFC 6749 §2.3.1), and no parameter is read from there. No promise
 * where there is no body.
 */
export function readFormBody(c: Context<AppEnv>): string | Promise<string> {
  if (hasQuery(c.req.url)) {
    throw invalidRequest('Send parameters in the body: nothing may stand in the URL.')
  }
  const coding = c.req.header('content-encoding')
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new ServiceError('unsupported_media_type', {
      detail: 'Send the form as it is: compressed bodies are not accepted.',
    })
  }
  const length = c.req.header('content-length')
  if (length === '0' || (length === undefined && hasNoBody(c))) return ''
  const announced = length === undefined ? undefined : Number(length)
  if (announced !== undefined && !(announced <= longestBodyBytes)) throw new ServiceError('payload_too_large')
  return readText(c, announced)
}

async function readText(c: Context<AppEnv>, announced: number | undefined): Promise<string> {
  const contentType = c.req.header('content-type')
  const text = await within(slowestBodyMilliseconds, announced === undefined ? boundedText(c.req.raw) : c.req.text())
  if (text !== '' && !isForm(contentType)) {
    throw invalidRequest('Send the parameters as a form: Content-Type: application/x-www-form-urlencoded, in UTF-8.')
  }
  return text
}

/** The request target may hold a fragment only where a client breaks the rules; it is refused like a query. */
function hasQuery(url: string): boolean {
  return url.includes('?') || url.includes('#')
}

/** On an HTTP/1.1 connection a request without either header has no body (RFC 9112 §6.3); asking for its stream would cost as much as the rest. */
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

/** For bodies that do not say how long they are. */
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
      throw new ServiceError('payload_too_large')
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** A body that breaks off is the caller's fault, not ours. */
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
