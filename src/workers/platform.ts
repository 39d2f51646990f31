import { sha256 } from '../kit/digest.ts'
import type { Platform } from '../platform.ts'
import { createSigner } from '../signing-keys/webcrypto-signer.ts'

export type WorkersPlatform = Platform & {
  /** Resolves when the request's deferred work is done: until then its database connection is needed. */
  settled(): Promise<void>
}

/** Cloudflare Workers, for one request: WebCrypto only, and deferred work belongs to the request's context. */
export function workersPlatform(context: { waitUntil(work: Promise<unknown>): void }): WorkersPlatform {
  const deferred = new Set<Promise<unknown>>()
  return {
    runtime: 'workers',
    sha256,
    createSigner,
    endOfTurn: (task) => queueMicrotask(task),
    defer(work) {
      const tracked = work.catch(() => {}).finally(() => deferred.delete(tracked))
      deferred.add(tracked)
      context.waitUntil(tracked)
    },
    async settled() {
      while (deferred.size > 0) await Promise.all(deferred)
    },
    peerAddress: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
  }
}
