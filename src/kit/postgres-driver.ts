export type SocketLimit = {
  /** Lets the client open one more socket: the driver cancels a statement over a second one. */
  allowOneMore(): void
  /** Lets the client open none. */
  refuse(): void
}

/**
 * Makes a client of postgres.js open one socket. By itself it opens another one at once, and for ever, while the server
 * closes each connection before it has answered, and also after `end`. The URL must name one host: with several the
 * driver swallows this refusal.
 */
export function limitSockets(client: { readonly options: object }): SocketLimit {
  let allowed = 1
  let isOpening = false
  // The driver reads this twice for each socket: before it opens it, and before it connects it. A function would open
  // it instead.
  const get = () => {
    if (isOpening) {
      isOpening = false
      return undefined
    }
    if (allowed === 0) return refuseSocket
    allowed--
    isOpening = true
    return undefined
  }
  Object.defineProperty(client.options, 'socket', { get })
  return {
    allowOneMore: () => {
      allowed = 1
    },
    refuse: () => {
      allowed = 0
    },
  }
}

function refuseSocket(): never {
  throw Object.assign(new Error('the server closed the connection before it answered'), { code: 'CONNECTION_CLOSED' })
}

/**
 * Stops the driver from recording where a query of `unsafe` came from. Otherwise it keeps the text of each one that
 * fails, for ever.
 */
export function withoutOrigin<Query extends object>(query: Query): Query {
  return Object.defineProperty(query, 'origin', { value: '' })
}
