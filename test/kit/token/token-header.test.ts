import { describe, expect, test } from 'vitest'
import { isKid, readTokenHeader } from '../../../src/kit/token/token-header.ts'

const algorithms = new Set(['ES256'])
const honest = { typ: 'at+jwt', alg: 'ES256', kid: 'kid-1' }
const read = (header: object) => readTokenHeader(Buffer.from(JSON.stringify(header)).toString('base64url'), algorithms)

describe('the header of a token', () => {
  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])('with type %s is read', (typ) => {
    expect(read({ ...honest, typ })).toEqual({ algorithm: 'ES256', kid: 'kid-1' })
  })

  test.each(['crit', 'jku', 'jwk', 'x5u', 'x5c', 'cty', 'b64', 'zip', 'enc'])(
    'with %s is refused for that, whatever else it contains',
    (name) => {
      for (const value of [['x'], 'x', null, false]) expect(read({ ...honest, [name]: value })).toBe('header_parameter')
    },
  )

  test.each<[string, object]>([
    ['type', { typ: 'JWT' }],
    ['type', { typ: 'at+jwt;x' }],
    ['type', { typ: 'x/at+jwt' }],
    ['type', { typ: undefined }],
    ['type', { typ: ['at+jwt'] }],
    ['algorithm', { alg: 'none' }],
    ['algorithm', { alg: 'es256' }],
    ['algorithm', { alg: ['ES256'] }],
    ['algorithm', { alg: undefined }],
    ['kid', { kid: undefined }],
    ['kid', { kid: 7 }],
    ['kid', { kid: '../kid-1' }],
  ])('is refused for its %s: %j', (reason, changes) => {
    expect(read({ ...honest, ...changes })).toBe(reason)
  })

  test('has a kid of 1 to 128 characters that need no escaping', () => {
    for (const kid of ['a', '2026-11.key_1~', 'x'.repeat(128)]) expect(isKid(kid)).toBe(true)
    for (const kid of ['', 'x'.repeat(129), '/kid', 'kid/', ' kid', 'kid\n', 'ключ', "kid' or '1"])
      expect(isKid(kid)).toBe(false)
  })
})
