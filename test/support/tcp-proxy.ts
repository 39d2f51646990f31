import { connect, createServer, type Socket } from 'node:net'

/** Sits between a client and its server, and loses what a network can lose. */
export type TcpProxy = {
  readonly port: number
  /** Once a client has sent this text, drops every answer on that connection. */
  swallowAnswersTo(text: string): void
  /** Once a client has sent this text, cuts that connection when the server answers. */
  cutAfter(text: string): void
  /** Cuts every connection, and sends new ones to this port, or to several in turn, as a balancer does. */
  retarget(...ports: number[]): void
  close(): void
}

export async function startTcpProxy(firstPort: number): Promise<TcpProxy> {
  let targetPorts = [firstPort]
  let opened = 0
  const sockets = new Set<Socket>()
  let swallowed: string | undefined
  let cut: string | undefined

  const server = createServer((client) => {
    const target = connect(targetPorts[opened++ % targetPorts.length] ?? firstPort, '127.0.0.1')
    let mute = false
    let cutNext = false
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        target.destroy()
      })
    }
    client.on('data', (bytes) => {
      mute ||= swallowed !== undefined && bytes.includes(swallowed)
      cutNext ||= cut !== undefined && bytes.includes(cut)
      target.write(bytes)
    })
    target.on('data', (bytes) => {
      if (cutNext) client.destroy()
      else if (!mute) client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    swallowAnswersTo: (text) => {
      swallowed = text
    },
    cutAfter: (text) => {
      cut = text
    },
    retarget: (...ports) => {
      targetPorts = ports
      for (const socket of sockets) socket.destroy()
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
