import { backoffMilliseconds } from './backoff.ts'
import { backgroundTimer } from './runtime.ts'

/** A connection to PostgreSQL that never reconnects. */
type ListeningConnection = {
  /** Sends a statement without parameters. Rejects if it fails or the connection is lost. */
  ask(text: string): Promise<unknown>
  isLost(): boolean
  /** Never rejects. A running statement fails. */
  destroy(): Promise<void>
}

type ListenerOptions = {
  open(events: { onNotify(channel: string): void; onLost(): void }): ListeningConnection
  /** A statement that takes longer counts as failed. */
  answerMilliseconds: number
}

export type Listener = {
  /** Calls back for every notification, and once after each (re)connection: a notification may have been missed. */
  listen(channel: string, onNotify: () => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** Polls replace the notifications in the meantime, so this need not be quick. */
const pauses = { first: 500, longest: 15_000 }
/** How often to check that the connection is still alive. */
const heartbeatMilliseconds = 5000

/**
 * One connection for all channels. Opens with the first channel and reconnects for ever. `listen` resolves immediately.
 * While the server is unreachable, notifications are lost, so callers must poll as well.
 */
export function createListener({ open, answerMilliseconds }: ListenerOptions): Listener {
  const channels = new Map<string, Set<() => void>>()
  let connection: ListeningConnection | undefined
  let closed = false
  let running: Promise<void> | undefined
  /** Looks at the connection and the channels now. */
  let look = () => {}
  /** Ends the pause before the next connection. Only `close` may call it, or a lost connection would end its own. */
  let endPause = () => {}

  const call = (channel: string) => {
    for (const onNotify of channels.get(channel) ?? []) onNotify()
  }
  const ask = async (on: ListeningConnection, text: string) => {
    const timer = backgroundTimer(() => void on.destroy(), answerMilliseconds)
    try {
      await on.ask(text)
    } finally {
      clearTimeout(timer)
    }
  }
  /** Resolves when the connection fails, with whether it has lasted. */
  const stayConnected = async (on: ListeningConnection): Promise<boolean> => {
    const heard = new Set<string>()
    let lasted = false
    try {
      while (!closed && !on.isLost()) {
        const added = [...channels.keys()].filter((channel) => !heard.has(channel))
        for (const channel of added) {
          await ask(on, `listen "${channel.replaceAll('"', '""')}"`)
          heard.add(channel)
          call(channel)
        }
        if (added.length > 0) continue
        await sleep(heartbeatMilliseconds, (end) => {
          look = end
        })
        if (closed || on.isLost()) break
        await ask(on, 'select 1')
        lasted = true
      }
    } catch {
      // Whatever failed, open a new connection.
    }
    return lasted
  }
  const run = async () => {
    for (let failures = 1; !closed; failures++) {
      const next = open({ onNotify: call, onLost: () => look() })
      connection = next
      if (await stayConnected(next)) failures = 1
      await next.destroy()
      if (closed) return
      await sleep(backoffMilliseconds(failures, pauses), (end) => {
        endPause = end
      })
    }
  }

  return {
    listen: async (channel, onNotify) => {
      const callbacks = channels.get(channel) ?? new Set()
      channels.set(channel, callbacks.add(onNotify))
      if (running) look()
      else running = run()
      return async () => {
        callbacks.delete(onNotify)
      }
    },
    close: async () => {
      closed = true
      look()
      endPause()
      await connection?.destroy()
      await running
    },
  }
}

function sleep(milliseconds: number, started: (end: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = backgroundTimer(resolve, milliseconds)
    started(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
