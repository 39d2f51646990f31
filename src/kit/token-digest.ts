import { base64url } from 'jose'
import { sha256OfNode } from './signature.node.ts'

/**
 * SHA-256 of the whole token text, base64url: what a verified token is remembered by, so that no token is kept. Without a promise on
 * Node. Text that is not ASCII may share its digest with other such text, but never with a token's.
 */
export const tokenDigest: (text: string) => string | Promise<string> = sha256OfNode ?? sha256OfWebCrypto

async function sha256OfWebCrypto(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}
