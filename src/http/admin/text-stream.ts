import type { Context } from 'hono'
import type { AppEnv } from '../context.ts'

/**
 * Streams a text as fast as the client reads it. A failure midway aborts the connection, so that a partial answer does
 * not look complete. The request's services stay open until the stream ends or the client disconnects.
 */
export async function streamText(
  c: Context<AppEnv>,
  pieces: AsyncGenerator<string, void, void>,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const common = { ...headers, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
  if (c.req.raw.method === 'HEAD') {
    await pieces.return()
    return new Response(null, { headers: common })
  }
  const { platform, log } = c.var.services
  const { requestId } = c.var
  const over = Promise.withResolvers<void>()
  platform.defer(over.promise)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next()
        if (!done) return controller.enqueue(encoder.encode(value))
        controller.close()
      } catch (error) {
        log('error', 'export_failed', { requestId, error: error instanceof Error ? error.name : typeof error })
        controller.error(error)
      }
      over.resolve()
    },
    async cancel() {
      await pieces.return()
      over.resolve()
    },
  })
  return new Response(body, { headers: common })
}

const encoder = new TextEncoder()
