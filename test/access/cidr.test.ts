import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressRules, admitsNobody, canonicalCidr, isAddressAllowed, shutsOut } from '../../src/access/cidr.ts'

const allowing = (...allowedCidrs: string[]): AddressRules => ({ allowedCidrs, deniedCidrs: [] })
const denying = (...deniedCidrs: string[]): AddressRules => ({ allowedCidrs: [], deniedCidrs })

describe('a range has one canonical form', () => {
  test.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.128/25', '192.0.2.128/25'],
    ['2001:DB8:0:0:0:0:0:0/32', '2001:db8::/32'],
    ['2001:db8::0001', '2001:db8::1/128'],
    ['::/0', '::/0'],
    ['::1', '::1/128'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
    ['1:0:0:2:2:0:0:3', '1::2:2:0:0:3/128'],
    ['1:0:2:2:2:2:2:3', '1:0:2:2:2:2:2:3/128'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:c000:201', '192.0.2.1/32'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:0:0/95', undefined],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221/128'],
    ['::192.0.2.1', '::c000:201/128'],
    ['fe80::/10', 'fe80::/10'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical)
    if (canonical !== undefined) expect(canonicalCidr(canonical)).toBe(canonical)
  })

  test.each([
    '',
    ' 192.0.2.1',
    '192.0.2.1\n',
    '192.0.2.1\0',
    '192.0.2.1/24',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/024',
    '192.0.2.0/24/24',
    '192.0.2',
    '192.0.2.0.0/24',
    '192.0.2.256',
    '192.0.02.1',
    '0x7f.0.0.1',
    '3221225985',
    '１９２.0.2.1',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    ':1:2:3:4:5:6:7',
    '12345::',
    'g::',
    '2001:db8::1/64',
    '::/129',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3',
    'localhost',
    '*',
    `::${'0'.repeat(100_000)}`,
  ])('%j is not a range', (text) => {
    expect(canonicalCidr(text)).toBeUndefined()
  })
})

describe('an address may use the key', () => {
  test('from anywhere, known or not, if there are no rules', () => {
    expect(isAddressAllowed(allowing(), '192.0.2.1')).toBe(true)
    expect(isAddressAllowed(allowing(), null)).toBe(true)
  })

  test.each<[string, AddressRules, boolean]>([
    ['192.0.2.7', allowing('192.0.2.0/24'), true],
    ['192.0.3.7', allowing('192.0.2.0/24'), false],
    ['192.0.2.127', allowing('192.0.2.0/25'), true],
    ['192.0.2.128', allowing('192.0.2.0/25'), false],
    ['203.0.113.9', allowing('192.0.2.0/24', '203.0.113.9/32'), true],
    ['203.0.113.9', allowing('0.0.0.0/0'), true],
    ['2001:db8::9', allowing('0.0.0.0/0'), false],
    ['203.0.113.9', allowing('::/0'), false],
    ['2001:db8::9', allowing('2001:db8::/33'), true],
    ['2001:db8:8000::9', allowing('2001:db8::/33'), false],
    ['::ffff:192.0.2.7', allowing('192.0.2.0/24'), true],
    ['::ffff:c000:207', allowing('192.0.2.0/24'), true],
    ['192.0.2.7', denying('192.0.2.0/24'), false],
    ['::ffff:192.0.2.7', denying('192.0.2.0/24'), false],
    ['192.0.3.7', denying('192.0.2.0/24'), true],
    ['192.0.2.7', { allowedCidrs: ['192.0.0.0/16'], deniedCidrs: ['192.0.2.0/24'] }, false],
    ['192.0.3.7', { allowedCidrs: ['192.0.0.0/16'], deniedCidrs: ['192.0.2.0/24'] }, true],
    ['198.51.100.1', { allowedCidrs: ['192.0.0.0/16'], deniedCidrs: ['192.0.2.0/24'] }, false],
  ])('%s under %j: %s', (address, rules, expected) => {
    expect(isAddressAllowed(rules, address)).toBe(expected)
  })

  test.each([null, '', 'unknown', '192.0.2.7, 10.0.0.1', '192.0.2.7/32', 'fe80::1%eth0', '\0', '1'.repeat(1_000_000)])(
    'if there are rules, %j is refused by either kind of list',
    (address) => {
      expect(isAddressAllowed(allowing('0.0.0.0/0', '::/0'), address)).toBe(false)
      expect(isAddressAllowed(denying('203.0.113.0/24'), address)).toBe(false)
    },
  )

  test('an unreadable stored range allows nothing', () => {
    expect(isAddressAllowed(allowing('nonsense'), '192.0.2.7')).toBe(false)
  })

  test('an unreadable stored range denies everything', () => {
    expect(isAddressAllowed(denying('nonsense'), '192.0.2.7')).toBe(false)
    expect(isAddressAllowed({ allowedCidrs: ['192.0.2.0/24'], deniedCidrs: ['nonsense'] }, '192.0.2.7')).toBe(false)
  })
})

test('ranges and addresses are judged exactly as by the runtime itself', () => {
  const sample = fc.constantFrom(4, 16).chain((size) =>
    fc.record({
      network: fc.uint8Array({ minLength: size, maxLength: size }),
      other: fc.uint8Array({ minLength: size, maxLength: size }),
      /** How many leading bits the address shares with the network. */
      shared: fc.integer({ min: 0, max: size * 8 }),
      bits: fc.integer({ min: 1, max: size * 8 }),
    }),
  )
  fc.assert(
    fc.property(sample, ({ network, other, shared, bits }) => {
      const family = network.length === 4 ? 'ipv4' : 'ipv6'
      const start = written(joined(network, new Uint8Array(network.length), bits))
      const address = written(joined(network, other, shared))
      const list = new BlockList()
      list.addSubnet(start, bits, family)
      const cidr = canonicalCidr(`${start}/${bits}`)
      expect(isAddressAllowed(allowing(cidr ?? ''), address)).toBe(list.check(address, family))
      expect(isAddressAllowed(denying(cidr ?? ''), address)).toBe(!list.check(address, family))
    }),
  )
})

/** The first `bits` of one address, then the rest of the other. */
function joined(first: Uint8Array, rest: Uint8Array, bits: number): Uint8Array {
  return first.map((byte, index) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff
    return (byte & mask) | ((rest[index] ?? 0) & ~mask)
  })
}

function written(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  return Array.from({ length: 8 }, (_, group) =>
    (((bytes[group * 2] ?? 0) << 8) | (bytes[group * 2 + 1] ?? 0)).toString(16),
  ).join(':')
}

describe('an IPv4 address inside IPv6', () => {
  test.each([
    ['::ffff:c000:201', '192.0.2.1/32'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical)
  })

  test.each([
    '::ff:c000:201',
    '::ff00:c000:201',
    '::fffe:c000:201',
    '1::ffff:c000:201',
    '::1:ffff:c000:201',
    '0:0:0:0:8000:ffff:c000:201',
    '::c000:201',
  ])('%s does not contain one, and stays as it is', (text) => {
    expect(canonicalCidr(text)).toContain(':')
    expect(isAddressAllowed({ allowedCidrs: ['192.0.2.1/32'], deniedCidrs: [] }, text)).toBe(false)
  })

  test.each([
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0/128'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8/128'],
    ['::', '::/128'],
  ])('%s omits groups of zeros', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical)
  })

  test.each([
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3',
    '1:2:3:4:5:6:1.2.3.4:7',
  ])('%s is not an address', (text) => {
    expect(canonicalCidr(text)).toBeUndefined()
  })
})

describe('new rules shut out an address that the previous ones let in', () => {
  test.each<[string, AddressRules, AddressRules, boolean]>([
    ['no rules before and after', allowing(), allowing(), false],
    ['the first allowed range', allowing(), allowing('0.0.0.0/0'), true],
    ['the same ranges', allowing('10.0.0.0/8'), allowing('10.0.0.0/8'), false],
    ['a wider range', allowing('10.1.0.0/16'), allowing('10.0.0.0/8'), false],
    ['a narrower range', allowing('10.0.0.0/8'), allowing('10.1.0.0/16'), true],
    ['another range', allowing('10.0.0.0/8'), allowing('11.0.0.0/8'), true],
    ['one range more', allowing('10.0.0.0/8'), allowing('11.0.0.0/8', '10.0.0.0/8'), false],
    ['one range less', allowing('11.0.0.0/8', '10.0.0.0/8'), allowing('10.0.0.0/8'), true],
    ['no allowed range any more', allowing('10.0.0.0/8'), allowing(), false],
    ['another family', allowing('0.0.0.0/0'), allowing('::/0'), true],
    ['the first denied range', denying(), denying('10.0.0.0/8'), true],
    ['a narrower denied range', denying('10.0.0.0/8'), denying('10.1.0.0/16'), false],
    ['a wider denied range', denying('10.1.0.0/16'), denying('10.0.0.0/8'), true],
    ['no denied range any more', denying('10.0.0.0/8'), denying(), false],
  ])('%s', (_, previous, rules, expected) => {
    expect(shutsOut(previous, rules)).toBe(expected)
  })
})

describe('rules that admit nobody', () => {
  const quarters = ['0.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2', '192.0.0.0/2']
  test.each<[boolean, string[], string[]]>([
    [false, [], []],
    [false, [], ['0.0.0.0/0']],
    [false, [], ['::/0']],
    [true, [], ['0.0.0.0/0', '::/0']],
    [true, [], [...quarters, '::/1', '8000::/1']],
    [false, [], [...quarters.slice(1), '::/0']],
    [true, ['192.0.2.0/24'], ['192.0.0.0/16']],
    [true, ['192.0.2.7/32'], ['192.0.2.7/32']],
    [true, ['192.0.2.0/31'], ['192.0.2.0/32', '192.0.2.1/32']],
    [false, ['192.0.2.0/31'], ['192.0.2.1/32']],
    [false, ['192.0.2.0/24', '2001:db8::/32'], ['192.0.2.0/24']],
    [true, ['2001:db8::/126'], ['2001:db8::/127', '2001:db8::2', '2001:db8::3']],
    [true, ['192.0.2.0/24'], ['unreadable']],
    [true, ['unreadable'], []],
  ])('%s: allowed %j, denied %j', (nobody, allowedCidrs, deniedCidrs) => {
    expect(admitsNobody({ allowedCidrs, deniedCidrs })).toBe(nobody)
  })
})
