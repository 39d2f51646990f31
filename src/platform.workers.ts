import { sha256Base64Url } from './crypto/digest.ts'
import type { Platform } from './platform.ts'
import { createSigner } from './signing-keys/webcrypto-signer.ts'

/** Cloudflare Workers, for one request: WebCrypto only, and deferred work belongs to the request's context. */
export function workersPlatform(context: { waitUntil(work: Promise<unknown>): void }): Platform {
  return {
    runtime: 'workers',
    sha256: sha256Base64Url,
    createSigner,
    endOfTurn: (task) => queueMicrotask(task),
    defer: (work) => context.waitUntil(work.catch(() => {})),
    peerAddress: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
  }
}
