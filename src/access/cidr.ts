import ipaddr from 'ipaddr.js'

/**
 * Addresses that an API key may be used from: canonical CIDR ranges. An empty allow list allows every address. A denied
 * range wins over an allowed one.
 */
export type AddressRules = {
  readonly allowedCidrs: readonly string[]
  readonly deniedCidrs: readonly string[]
}

/**
 * Whether the address may use the key. An unknown or malformed address passes only where there are no rules. IPv4
 * written as IPv6 (`::ffff:192.0.2.1`) is IPv4; `::/0` contains no IPv4 address. Does not check where the address came
 * from.
 */
export function isAddressAllowed({ allowedCidrs, deniedCidrs }: AddressRules, address: string | null): boolean {
  if (allowedCidrs.length === 0 && deniedCidrs.length === 0) return true
  const parsed = address === null ? undefined : parseAddress(address)
  if (!parsed || deniedCidrs.some((cidr) => contains(cidr, parsed) !== false)) return false
  return allowedCidrs.length === 0 || allowedCidrs.some((cidr) => contains(cidr, parsed) === true)
}

/**
 * Whether the rules shut out an address that the previous ones let in. Compares range by range: if a range is allowed
 * in pieces, or denied in pieces, that counts as shutting out.
 */
export function shutsOut(previous: AddressRules, { allowedCidrs, deniedCidrs }: AddressRules): boolean {
  const isWithin = (cidr: string, others: readonly string[]) => others.some((other) => isWithinRange(cidr, other))
  if (deniedCidrs.some((cidr) => !isWithin(cidr, previous.deniedCidrs))) return true
  if (allowedCidrs.length === 0) return false
  return previous.allowedCidrs.length === 0 || previous.allowedCidrs.some((cidr) => !isWithin(cidr, allowedCidrs))
}

/** Whether no address may use the key: the denied ranges together contain every allowed one. */
export function admitsNobody({ allowedCidrs, deniedCidrs }: AddressRules): boolean {
  const denied = deniedCidrs.flatMap((cidr) => parseCidr(cidr) ?? everywhere)
  const allowed = allowedCidrs.length === 0 ? everywhere : allowedCidrs.flatMap((cidr) => parseCidr(cidr) ?? [])
  return allowed.every((range) => isCovered(range, denied))
}

/** The address in its one form (RFC 5952), IPv4 written as IPv6 as IPv4. Undefined for any other text. */
export function canonicalIpAddress(text: string): string | undefined {
  const address = parseAddress(text)
  return address && canonicalAddress(address)
}

/**
 * The range in the one form that is stored (RFC 4632 §3.1, RFC 5952). Undefined when the text is not a range, and when
 * its address has bits set beyond the prefix, because the meaning is then unclear. A bare address is a range of one.
 */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text)
  return range && `${canonicalAddress(range.address)}/${range.bits}`
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = { readonly address: Address; readonly bits: number }

const everywhere: readonly Range[] = [
  { address: ipaddr.IPv4.parse('0.0.0.0'), bits: 0 },
  { address: ipaddr.IPv6.parse('::'), bits: 0 },
]

/** Undefined for a stored range that cannot be read: it denies every address and allows none. */
function contains(cidr: string, address: Address): boolean | undefined {
  const range = parseCidr(cidr)
  return range && range.address.kind() === address.kind() && address.match(range.address, range.bits)
}

function isWithinRange(cidr: string, other: string): boolean {
  const [inner, outer] = [parseCidr(cidr), parseCidr(other)]
  return (
    inner !== undefined && outer !== undefined && inner.bits >= outer.bits && contains(other, inner.address) === true
  )
}

/** Halves the range until one denied range contains the rest, or none of them meets it. */
function isCovered(range: Range, denied: readonly Range[]): boolean {
  const meeting = denied.filter(({ address, bits }) => {
    return address.kind() === range.address.kind() && address.match(range.address, Math.min(bits, range.bits))
  })
  if (meeting.some(({ bits }) => bits <= range.bits)) return true
  return meeting.length > 0 && halvesOf(range).every((half) => isCovered(half, meeting))
}

function halvesOf({ address, bits }: Range): Range[] {
  const bytes = address.toByteArray()
  const at = bits >> 3
  bytes[at] = (bytes[at] ?? 0) | (0x80 >> (bits & 7))
  return [
    { address, bits: bits + 1 },
    { address: ipaddr.fromByteArray(bytes), bits: bits + 1 },
  ]
}

const longestCidr = '0000:0000:0000:0000:0000:ffff:255.255.255.255/128'.length

function parseCidr(text: string): Range | undefined {
  const match = text.length > longestCidr ? null : /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text)
  const written = match?.[1] === undefined ? undefined : parseWritten(match[1])
  if (!match || !written) return undefined
  const length = written.kind() === 'ipv4' ? 32 : 128
  const bits = match[2] === undefined ? length : Number(match[2])
  if (bits > length || hasBitsBeyond(written, bits)) return undefined
  const mapped = bits >= 96 ? unmapped(written) : undefined
  return mapped ? { address: mapped, bits: bits - 96 } : { address: written, bits }
}

function parseAddress(text: string): Address | undefined {
  const written = text.length > longestCidr ? undefined : parseWritten(text)
  return written && (unmapped(written) ?? written)
}

/**
 * Stricter than the library: four decimal numbers without leading zeros, which some programs read as octal, also at the
 * end of an IPv6 address; and no zone (RFC 4291 §2.2).
 */
function parseWritten(text: string): Address | undefined {
  if (!/^[0-9a-f.:]+$/i.test(text)) return undefined
  const end = text.lastIndexOf(':') + 1
  const tail = text.slice(end)
  if (tail.includes('.') && !isFourDecimals(tail)) return undefined
  if (end === 0) return tail.includes('.') ? ipaddr.IPv4.parse(text) : undefined
  // The library reads `::192.0.2.1` as `::ffff:192.0.2.1`, which is another address.
  const groups = tail.includes('.') ? text.slice(0, end) + hexGroups(ipaddr.IPv4.parse(tail)) : text
  return ipaddr.IPv6.isValid(groups) ? ipaddr.IPv6.parse(groups) : undefined
}

function hexGroups(address: ipaddr.IPv4): string {
  const hex = address.toByteArray().map((byte) => byte.toString(16).padStart(2, '0'))
  return `${hex.slice(0, 2).join('')}:${hex.slice(2).join('')}`
}

function isFourDecimals(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}

/** The IPv4 address inside `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
function unmapped(address: Address): ipaddr.IPv4 | undefined {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : undefined
}

function hasBitsBeyond(address: Address, bits: number): boolean {
  return address
    .toByteArray()
    .some((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, bits - index * 8)))) !== 0)
}

function canonicalAddress(address: Address): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
}
