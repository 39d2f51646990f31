import { sha256 } from '../kit/digest.ts'
import type { Platform } from '../platform.ts'
import { createSigner } from '../signing-keys/openssl-signer.node.ts'
import { readReferenceAsset } from './reference-assets.ts'

export type NodePlatform = Platform & {
  /** Resolves when all deferred work is done, including work that this work deferred. */
  settled(): Promise<void>
}

/**
 * Node: synchronous OpenSSL, lookups combined per event-loop turn, and deferred work that a stop waits for.
 *
 * @example
 * ```ts
 * import { nodePlatform } from 'mintage/node'
 *
 * const platform = nodePlatform()
 * await platform.settled()
 * ```
 */
export function nodePlatform(): NodePlatform {
  const deferred = new Set<Promise<unknown>>()
  return {
    runtime: 'node',
    sha256,
    createSigner,
    endOfTurn: (task) => void setImmediate(task),
    defer(work) {
      const tracked = work.catch(() => {}).finally(() => deferred.delete(tracked))
      deferred.add(tracked)
    },
    peerAddress: (_request, env) => socketAddress(env),
    readReferenceAsset,
    async settled() {
      while (deferred.size > 0) await Promise.all(deferred)
    },
  }
}

/** @hono/node-server passes the request of node:http to the app as `env.incoming`. */
function socketAddress(env: unknown): string | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined
  const { incoming } = env
  if (typeof incoming !== 'object' || incoming === null || !('socket' in incoming)) return undefined
  const { socket } = incoming
  if (typeof socket !== 'object' || socket === null || !('remoteAddress' in socket)) return undefined
  return typeof socket.remoteAddress === 'string' ? socket.remoteAddress : undefined
}
