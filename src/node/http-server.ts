import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

export type HttpServer = {
  readonly port: number
  /**
   * Accepts no new connections, answers running requests with `Connection: close`, and resolves when the last
   * connection is closed. At the deadline it cuts the rest.
   */
  stop(deadlineMilliseconds?: number): Promise<void>
}

/**
 * During a stop, idle connections are closed at this interval. The first wait leaves time for a request that a client
 * is already sending.
 */
const idleAfterMilliseconds = 500

/** Listens. Rejects if the port is in use. */
export async function listen(options: {
  fetch: (request: Request, env: unknown) => Response | Promise<Response>
  port: number
  host: string
  /** While true, answers have `Connection: close`: the next request of that client goes to another instance. */
  isDraining?: () => boolean
}): Promise<HttpServer> {
  const server = plainHttpServer(options.fetch)
  let stopping = false
  server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    if (stopping || options.isDraining?.()) response.setHeader('Connection', 'close')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    stop(deadlineMilliseconds = 10_000) {
      stopping = true
      return drain(server, deadlineMilliseconds)
    },
  }
}

function plainHttpServer(fetch: (request: Request, env: unknown) => Response | Promise<Response>): Server {
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      requestTimeout: 10_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 1000,
    },
  })
  if (!('closeIdleConnections' in server)) throw new TypeError('an HTTP/1.1 server was expected')
  return server
}

/**
 * Uses the close of net.Server: http.Server.close() also cuts idle connections, and with them a request that a client
 * is sending.
 */
async function drain(server: Server, deadlineMilliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve())
  })
  const idle = setInterval(() => server.closeIdleConnections(), idleAfterMilliseconds)
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMilliseconds)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
