import { createServer, type Socket } from 'node:net'
import { releaseAfterFile } from './cleanup.ts'

/** How a PostgreSQL server, or what stands before it, can be away. */
export const waysToBeAway = ['refuses', 'is silent', 'accepts and closes', 'says that it is starting up'] as const

type FailingServer = {
  readonly url: string
  /** Connection attempts so far. Attempts that are refused are not seen here: `connectionAttempts` counts them. */
  close(): Promise<void>
}

/** A server that never becomes a database. */
export async function startFailingServer(way: (typeof waysToBeAway)[number]): Promise<FailingServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (way === 'accepts and closes') socket.destroy()
    else if (way === 'is silent') socket.resume()
    else socket.once('data', () => socket.end(startingUp))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  if (way === 'refuses') await close()
  else releaseAfterFile(close)
  return { url: `postgres://mintage:loopback@127.0.0.1:${port}/mintage`, close }
}

const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up', '', ''].join('\0')

/** An ErrorResponse of the PostgreSQL protocol. */
const startingUp = Buffer.concat([
  Buffer.from('E'),
  Buffer.from(Uint32Array.of(fields.length + 4).buffer).swap32(),
  Buffer.from(fields),
])
