import { describe, expect, test } from 'vitest'
import { clientAddress } from '../../src/http/client-address.ts'

describe('A31 the address of a caller', () => {
  const table: [string, string | undefined, string | undefined, number, string | null][] = [
    ['is the peer when no proxy is trusted', '203.0.113.7', '198.51.100.1', 0, '203.0.113.7'],
    ['is what the one trusted proxy saw', '10.0.0.1', '198.51.100.1', 1, '198.51.100.1'],
    ['is never what a stranger put in front', '10.0.0.1', '6.6.6.6, 198.51.100.1', 1, '198.51.100.1'],
    [
      'is what the outermost of two trusted proxies saw',
      '10.0.0.1',
      '6.6.6.6, 198.51.100.1, 10.0.0.2',
      2,
      '198.51.100.1',
    ],
    ['is read without its port', '10.0.0.1', '198.51.100.1:65535', 1, '198.51.100.1'],
    ['is read without brackets', '10.0.0.1', '[2001:DB8::1]', 1, '2001:db8::1'],
    ['is read without brackets and port', '10.0.0.1', '[2001:db8::1]:443', 1, '2001:db8::1'],
    ['is IPv6 without a port if it has no brackets', '10.0.0.1', '2001:db8::1:443', 1, '2001:db8::1:443'],
    ['is IPv4 if the proxy writes it as IPv6', '10.0.0.1', '[::ffff:c633:6401]:443', 1, '198.51.100.1'],
    ['is IPv4 if the socket writes it as IPv6', '::ffff:203.0.113.7', undefined, 0, '203.0.113.7'],
    ['is unknown without a socket', undefined, undefined, 0, null],
    ['is found in a header of any length', '10.0.0.1', `${'6.6.6.6, '.repeat(1000)}198.51.100.1`, 1, '198.51.100.1'],
  ]
  test.each(table)('%s', (_name, peer, forwardedFor, hops, expected) => {
    expect(clientAddress(peer, forwardedFor, hops)).toBe(expected)
  })

  test.each<[string | undefined, number]>([
    [undefined, 1],
    ['', 1],
    [' ', 1],
    ['198.51.100.1,', 1],
    ['unknown', 1],
    ['_hidden', 1],
    ['<script>', 1],
    ['6.6.6.6', 2],
    ['198.51.100.1 10.0.0.2', 1],
    ['198.51.100.1:', 1],
    ['198.51.100.1:65536', 1],
    ['198.51.100.1:443:443', 1],
    ['[198.51.100.1]:443', 1],
    ['[2001:db8::1', 1],
    ['[2001:db8::1]443', 1],
    ['[[2001:db8::1]]', 1],
    ['[]:443', 1],
    ['fe80::1%eth0', 1],
    ['0306.051.0144.01', 1],
    ['1.2.3', 1],
    ['"198.51.100.1"', 1],
    [`198.51.100.1${', '.repeat(600)}`, 601],
  ])('is unknown, and never the proxy, if the entry is %j behind %i trusted proxies', (forwardedFor, hops) => {
    expect(clientAddress('10.0.0.1', forwardedFor, hops)).toBeNull()
  })

  test('is unknown if the entry was cut off where the header is too long to read', () => {
    const read = `98.51.100.1${' '.repeat(1004)},10.0.0.2`
    expect(read).toHaveLength(1024)
    expect(clientAddress('10.0.0.1', `1${read}`, 2)).toBeNull()
  })
})
