import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { listen } from '../../src/node/http-server.ts'
import type { TestService } from './test-service.ts'

/** The service behind the real HTTP server on a free loopback port, for the rest of the test. */
export async function listenForTest(service: TestService): Promise<number> {
  const server = await listen({
    fetch: (request, env) => service.app.fetch(request, Object(env)),
    port: 0,
    host: '127.0.0.1',
  })
  onTestFinished(() => server.stop(0))
  return server.port
}

/** What came back before the server closed the connection. */
export type RawAnswer = { readonly status: number; readonly text: string; readonly closed: boolean }

/**
 * Writes bytes as they are, one chunk after the other while the server listens, and reads until it closes, or until the answer stops
 * for `quietMilliseconds`: some answers leave the connection open.
 */
export function sendRaw(
  port: number,
  chunks: Iterable<string | Uint8Array>,
  quietMilliseconds = 2000,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const pending = chunks[Symbol.iterator]()
    let text = ''
    const finish = (closed: boolean) => {
      clearTimeout(quiet)
      socket.destroy()
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, closed })
    }
    const quiet = setTimeout(() => finish(false), quietMilliseconds)
    const write = () => {
      for (let next = pending.next(); !next.done && !socket.destroyed && text === ''; next = pending.next()) {
        if (!socket.write(next.value)) return
      }
    }
    socket.on('connect', write)
    socket.on('drain', write)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      quiet.refresh()
    })
    socket.on('error', () => finish(true))
    socket.on('close', () => finish(true))
  })
}

/** The lines of an HTTP/1.1 message, ended as they have to be. */
export function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}
