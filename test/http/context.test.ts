import { describe, expect, test } from 'vitest'
import { clientAddress } from '../../src/http/context.ts'

describe('the address of a caller', () => {
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
    ['is the peer when the request did not come through all proxies', '10.0.0.1', '6.6.6.6', 2, '10.0.0.1'],
    ['is the peer if the entry is not an address', '10.0.0.1', '<script>', 1, '10.0.0.1'],
    ['is IPv4 also when the socket says it the IPv6 way', '::ffff:203.0.113.7', undefined, 0, '203.0.113.7'],
    ['is unknown without a socket', undefined, undefined, 0, null],
  ]
  test.each(table)('%s', (_name, peer, forwardedFor, hops, expected) => {
    expect(clientAddress(peer, forwardedFor, hops)).toBe(expected)
  })
})
