import type { Algorithm, SignBytes } from './signing-keys/signer.ts'

/** What differs between runtimes. Node and Workers each build one. */
export type Platform = {
  readonly runtime: 'node' | 'workers'
  /** SHA-256 of the text's UTF-8 bytes, base64url without padding. */
  sha256(text: string): string | Promise<string>
  /** Creates the signing function of an opened private key; its contract is in signing-keys/signer.ts. */
  createSigner(algorithm: Algorithm, privateJwk: JsonWebKey): Promise<SignBytes>
  /**
   * Runs the task when the current turn of the event loop has collected its work (Node), or at the next microtask
   * (Workers).
   */
  endOfTurn(task: () => void): void
  /** Runs work that may outlast the response: awaited on SIGTERM (Node), `ctx.waitUntil` (Workers). */
  defer(work: Promise<unknown>): void
  /** The address at the other end of the connection, before any forwarding header is considered. */
  peerAddress(request: Request, env: unknown): string | undefined
  /** A file of the reference page (http/docs, Swagger UI). Absent on a platform without files. */
  readReferenceAsset?(name: ReferenceAsset): Promise<string>
}

export type ReferenceAsset = 'index.html' | 'style.css' | 'start.js' | 'swagger-ui.css' | 'swagger-ui-bundle.js'
