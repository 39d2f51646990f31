import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { listen } from '../../src/node/http-server.ts'
import type { TestService } from './test-service.ts'

/** Serves over HTTP on a free loopback port until the test ends. Returns the port. */
export async function listenForTest(service: TestService): Promise<number> {
  const server = await listen({
    fetch: (request, env) => service.app.fetch(request, Object(env)),
    port: 0,
    host: '127.0.0.1',
  })
  onTestFinished(() => server.stop(0))
  return server.port
}

/** What the server sent before it closed the connection. */
type RawAnswer = { readonly status: number; readonly text: string; readonly closed: boolean }

/**
 * Writes the chunks one after another until the server answers, then reads until it closes the connection. Some answers
 * leave it open: then reads until nothing has followed for `quietMilliseconds`.
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
    // A slow machine may take long to begin its answer.
    let quiet = setTimeout(() => finish(false), 20_000)
    const write = () => {
      for (let next = pending.next(); !next.done && !socket.destroyed && text === ''; next = pending.next()) {
        if (!socket.write(next.value)) return
      }
    }
    socket.on('connect', write)
    socket.on('drain', write)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(() => finish(false), quietMilliseconds)
    })
    socket.on('error', () => finish(true))
    socket.on('close', () => finish(true))
  })
}

/** Header lines of an HTTP/1.1 message with their line ends. */
export function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}
