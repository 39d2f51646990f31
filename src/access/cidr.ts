/** Where an API key may be used from: canonical CIDR ranges. No allowed range allows every address; a denied one wins over an allowed one. */
export type AddressRules = {
  readonly allowedCidrs: readonly string[]
  readonly deniedCidrs: readonly string[]
}

/**
 * Whether the address may use the key. An address that is not known, or not one, passes only where there are no rules. IPv4 written as IPv6
 * (`::ffff:192.0.2.1`) is IPv4; `::/0` holds no IPv4 address. Does not check where the address came from.
 */
export function isAddressAllowed({ allowedCidrs, deniedCidrs }: AddressRules, address: string | null): boolean {
  if (allowedCidrs.length === 0 && deniedCidrs.length === 0) return true
  const bytes = address === null ? undefined : parseAddress(address)
  if (!bytes || deniedCidrs.some((cidr) => holds(cidr, bytes))) return false
  return allowedCidrs.length === 0 || allowedCidrs.some((cidr) => holds(cidr, bytes))
}

/**
 * The range in the one form that is stored (RFC 4632 §3.1, RFC 5952), or undefined when it is none: also when its address has bits set
 * beyond the prefix, because nobody can tell what was meant. A bare address is a range of one.
 */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text)
  return range && `${formatAddress(range.bytes)}/${range.bits}`
}

/** A stored range that cannot be read any more was written by nobody: it denies nothing and allows nothing. */
function holds(cidr: string, address: Uint8Array): boolean {
  const range = parseCidr(cidr)
  if (!range || range.bytes.length !== address.length) return false
  return range.bytes.every((byte, index) => ((byte ^ (address[index] ?? 0)) & mask(range.bits, index)) === 0)
}

type Range = { readonly bytes: Uint8Array; readonly bits: number }

const longestCidr = '0000:0000:0000:0000:0000:ffff:255.255.255.255/128'.length

function parseCidr(text: string): Range | undefined {
  const match = text.length > longestCidr ? null : /^([0-9a-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(text)
  const written = match?.[1] === undefined ? undefined : parseWritten(match[1])
  if (!match || !written) return undefined
  const bits = match[2] === undefined ? written.length * 8 : Number(match[2])
  if (bits > written.length * 8 || !written.every((byte, index) => (byte & ~mask(bits, index)) === 0)) return undefined
  const mapped = bits >= 96 ? unmapped(written) : undefined
  return mapped ? { bytes: mapped, bits: bits - 96 } : { bytes: written, bits }
}

/** Four bytes of IPv4 or sixteen of IPv6. */
function parseAddress(text: string): Uint8Array | undefined {
  const written = text.length > longestCidr ? undefined : parseWritten(text)
  return written && (unmapped(written) ?? written)
}

function parseWritten(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Four decimal numbers. A leading zero is refused: some programs read octal there. */
function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return Uint8Array.from(parts, Number)
}

/** RFC 4291 §2.2: eight groups, `::` at most once for one or more groups of zeros, the last two groups perhaps as IPv4. No zone. */
function parseIpv6(text: string): Uint8Array | undefined {
  const [before = '', after, ...further] = text.split('::')
  if (further.length > 0) return undefined
  const head = parseGroups(before, after === undefined)
  const tail = after === undefined ? [] : parseGroups(after, true)
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  if (after === undefined ? missing !== 0 : missing < 2) return undefined
  return Uint8Array.from([...head, ...Array.from({ length: missing }, () => 0), ...tail])
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    const ipv4 = mayEndInIpv4 && index === groups.length - 1 && group.includes('.') ? parseIpv4(group) : undefined
    if (ipv4) bytes.push(...ipv4)
    else if (/^[0-9a-f]{1,4}$/i.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff)
    else return undefined
  }
  return bytes
}

/** The IPv4 address inside `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
function unmapped(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return undefined
  return bytes.subarray(0, 10).every((byte) => byte === 0) ? bytes.subarray(12) : undefined
}

/** Which bits of the byte at `index` belong to a prefix of so many bits. */
function mask(bits: number, index: number): number {
  const inside = Math.min(8, Math.max(0, bits - index * 8))
  return (0xff00 >> inside) & 0xff
}

function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  const { start, length } = longestZeros(groups)
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

/** The first of the longest runs of zero groups (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start }
  }
  return longest
}
