import { connect, createServer, type Socket } from 'node:net'

/** Sits between a client and its server, and loses and delays what a network can lose and delay. */
export type TcpProxy = {
  readonly port: number
  /** Once a client has sent this text, drops every answer on that connection. */
  swallowAnswersTo(text: string): void
  /** Once a client has sent this text, cuts that connection when the server answers. */
  cutAfter(text: string): void
  /** Replaces a text in every answer by another one of the same length, so that the protocol stays intact. */
  disguise(text: string, as: string): void
  /** Cuts every connection, and sends new ones to this port, or to several in turn, as a balancer does. */
  retarget(...ports: number[]): void
  /** From now on each answer arrives this much later, as from a server that is far away. */
  delayAnswers(milliseconds: number): void
  /** How often a client had to wait for an answer before it could go on, on all connections together. */
  roundTrips(): number
  close(): void
}

export async function startTcpProxy(firstPort: number): Promise<TcpProxy> {
  let targetPorts = [firstPort]
  let opened = 0
  const sockets = new Set<Socket>()
  let swallowed: string | undefined
  let cut: string | undefined
  let delay = 0
  let roundTrips = 0
  let disguised: readonly [string, string] | undefined

  const server = createServer((client) => {
    const target = connect(targetPorts[opened++ % targetPorts.length] ?? firstPort, '127.0.0.1')
    let mute = false
    let cutNext = false
    let waits = false
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
      if (!waits) roundTrips += 1
      waits = true
      target.write(bytes)
    })
    target.on('data', (bytes) => {
      if (cutNext) client.destroy()
      else if (!mute && delay === 0) answer(bytes)
      else if (!mute) setTimeout(answer, delay, bytes)
    })
    const answer = (bytes: Buffer) => {
      waits = false
      client.write(disguised ? Buffer.from(bytes.toString('latin1').replaceAll(...disguised), 'latin1') : bytes)
    }
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
    disguise: (text, as) => {
      if (as.length !== text.length) throw new Error('the texts must have the same length')
      disguised = [text, as]
    },
    retarget: (...ports) => {
      targetPorts = ports
      for (const socket of sockets) socket.destroy()
    },
    delayAnswers: (milliseconds) => {
      delay = milliseconds
    },
    roundTrips: () => roundTrips,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
