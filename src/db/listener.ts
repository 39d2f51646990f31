import type { Connection } from './connection.ts'
import { type Hosts, openOn } from './hosts.ts'

type Listener = {
  /** Calls back for every notification, and once after each (re)connection: a notification may have been missed. */
  listen(channel: string, onNotify: () => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

const retryMilliseconds = 500
/** How often to check that the connection is still alive. */
const heartbeatMilliseconds = 5000

/**
 * One connection for all channels. Opens with the first channel and reconnects for ever. `listen` resolves immediately.
 * While the server is unreachable, notifications are lost, so callers must poll as well.
 */
export function createListener(hosts: Hosts, answerMilliseconds: number): Listener {
  const channels = new Map<string, Set<() => void>>()
  let connection: Connection | undefined
  let closed = false
  let running: Promise<void> | undefined
  let wake = () => {}

  const call = (channel: string) => {
    for (const onNotify of channels.get(channel) ?? []) onNotify()
  }
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const ask = async (on: Connection, text: string) => {
    const timer = setTimeout(() => void on.destroy(), answerMilliseconds)
    try {
      await on.send({ text, params: [], prepare: false, asValues: false }).answer
    } finally {
      clearTimeout(timer)
    }
  }
  const stayConnected = async (on: Connection) => {
    const heard = new Set<string>()
    while (!closed && !on.isLost()) {
      const added = [...channels.keys()].filter((channel) => !heard.has(channel))
      for (const channel of added) {
        await ask(on, `listen "${channel.replaceAll('"', '""')}"`)
        heard.add(channel)
        call(channel)
      }
      if (added.length === 0) {
        await pause(heartbeatMilliseconds)
        if (!closed && !on.isLost()) await ask(on, 'select 1')
      }
    }
  }
  const run = async () => {
    while (!closed) {
      const next = openOn(hosts, {
        prepare: false,
        connectMilliseconds: answerMilliseconds,
        parameters: {},
        wireTypes: { parsers: {}, serializers: {} },
        onNotify: call,
        onLost: () => wake(),
      })
      connection = next
      // Whatever failed, open a new connection.
      await stayConnected(next).catch(() => {})
      await next.destroy()
      if (!closed) await pause(retryMilliseconds * (0.5 + Math.random()))
    }
  }

  return {
    listen: async (channel, onNotify) => {
      const callbacks = channels.get(channel) ?? new Set()
      channels.set(channel, callbacks.add(onNotify))
      if (running) wake()
      else running = run()
      return async () => {
        callbacks.delete(onNotify)
      }
    },
    close: async () => {
      closed = true
      wake()
      await connection?.destroy()
      await running
    },
  }
}
