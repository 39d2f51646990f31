import { sha256 } from '../kit/digest.ts'
import type { Platform } from '../platform.ts'
import { createSigner } from '../signing-keys/webcrypto-signer.ts'

export type WorkersPlatform = Platform & {
  /** Resolves when the request's deferred work is done. Until then it needs its database connection. */
  settled(): Promise<void>
}

/** Cloudflare Workers, for one request: only WebCrypto, and the request's context waits for deferred work. */
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
