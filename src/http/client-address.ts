import { canonicalIpAddress } from '../access/cidr.ts'

/** Longer than what 16 proxies append. Everything further left came from outside. */
const longestRead = 1024

/**
 * The client's address; null = not known, which address rules refuse. Without trusted proxies it is the peer. With
 * `hops` of them it is the hops-th entry of X-Forwarded-For from the right, because each proxy appends the address that
 * it saw. A client can forge only entries further left, which are ignored.
 *
 * Behind a trusted proxy the peer is never the client. So an entry that is missing or cannot be read makes the address
 * unknown.
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, hops: number): string | null {
  if (hops === 0) return peer ? withoutMapping(peer) : null
  if (forwardedFor === undefined) return null
  const entries = forwardedFor.slice(-longestRead).split(',')
  if (forwardedFor.length > longestRead) entries.shift() // may be cut off
  return readEntry(entries.at(-hops)?.trim() ?? '') ?? null
}

/** An address, also with a port (`192.0.2.1:443`, `[2001:db8::1]:443`) or in brackets alone. */
function readEntry(entry: string): string | undefined {
  const [, bracketed, port6] = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(entry) ?? []
  if (bracketed !== undefined)
    return bracketed.includes(':') && isPort(port6) ? canonicalIpAddress(bracketed) : undefined
  const [, ipv4, port4] = /^([\d.]+):(\d{1,5})$/.exec(entry) ?? []
  if (ipv4 !== undefined) return isPort(port4) ? canonicalIpAddress(ipv4) : undefined
  return canonicalIpAddress(entry)
}

function isPort(port: string | undefined): boolean {
  return port === undefined || Number(port) <= 65_535
}

/** `::ffff:192.0.2.1` is 192.0.2.1. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
