import { describe, expect, test } from 'vitest'
import { databaseKinds } from '../support/databases.ts'
import { basic, form, oauthError } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('A31 a key used from outside its allowed addresses, on %s', async (kind) => {
  const service = await startTestService(kind, { env: { MINTAGE_TRUSTED_PROXY_HOPS: '1' } })
  const allowed = await service.createKey({
    roles: ['admin'],
    audiences: ['https://auth.example'],
    allowedCidrs: ['192.0.2.0/24'],
  })
  const denied = await service.createKey({ deniedCidrs: ['203.0.113.0/24', '2001:db8::/32'] })
  const unknown = `${allowed.secret.slice(0, 20)}x${allowed.secret.slice(21)}`
  const from = (address: string) => ({ 'X-Forwarded-For': `10.9.9.9, ${address}` })
  const exchange = (secret: string, address: string) =>
    service.request('/token', form({}, { Authorization: `Bearer ${secret}`, ...from(address) }))

  test.each([
    [allowed, '192.0.2.7', 200],
    [allowed, '::ffff:192.0.2.7', 200],
    [allowed, '192.0.3.7', 401],
    [allowed, '2001:db8::1', 401],
    [allowed, '0300.0.2.7', 401],
    [denied, '198.51.100.1', 200],
    [denied, '203.0.113.200', 401],
    [denied, '2001:db8:1::1', 401],
    [denied, '::ffff:203.0.113.200', 401],
  ])('$0.id exchanges from %s: %s', async ({ secret }, address, status) => {
    expect((await exchange(secret, address)).status).toBe(status)
  })

  test('is refused if the address of the request is unknown', async () => {
    const request = { method: 'POST', headers: { 'X-API-Key': allowed.secret } }
    expect((await service.request('/token', request)).status).toBe(401)
  })

  test.each([undefined, '', 'unknown', '198.51.100.1, unknown', '[2001:db8::1', '192.0.2.7, '])(
    'is refused if the trusted proxy says %j, and the address of the proxy does not decide',
    async (forwardedFor) => {
      const proxy = { incoming: { socket: { remoteAddress: '192.0.2.1' } } }
      const headers: Record<string, string> = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor }
      for (const { secret } of [allowed, denied]) {
        const request = { method: 'POST', headers: { ...headers, 'X-API-Key': secret } }
        expect((await service.app.request('/token', request, proxy)).status).toBe(401)
      }
      expect(service.exchanges.get('address_unknown')).toBeGreaterThan(0)
    },
  )

  test.each([
    ['192.0.2.7:50123', 200],
    ['[::ffff:192.0.2.7]:443', 200],
    ['[2001:db8::1]:443', 401],
  ])('is judged by the address if the trusted proxy adds a port: %s', async (entry, status) => {
    expect((await exchange(allowed.secret, entry)).status).toBe(status)
  })

  test('gets the same answer as an unknown key, and the log says why', async () => {
    const [outside, missing] = await Promise.all([
      exchange(allowed.secret, '192.0.3.7'),
      exchange(unknown, '192.0.3.7'),
    ])
    expect(await oauthError(outside)).toEqual(await oauthError(missing))
    expect(service.exchanges.get('address_not_allowed')).toBeGreaterThan(0)
  })

  test('is refused at every other endpoint too, and so is its admin token', async () => {
    const token = (
      await (
        await service.request(
          '/token',
          form({ audience: 'https://auth.example' }, { ...bearer(), ...from('192.0.2.7') }),
        )
      ).json()
    ).access_token
    const doors: [string, RequestInit][] = [
      ['/introspect', form({ token }, { Authorization: basic(allowed.id, allowed.secret) })],
      ['/revoke', form({ token: 'x' }, { Authorization: basic(allowed.id, allowed.secret) })],
      ['/v1/me', { headers: bearer() }],
      ['/v1/me', { headers: { Authorization: `Bearer ${token}` } }],
    ]
    for (const [path, request] of doors) {
      const asked = async (address: string) =>
        (await service.request(path, { ...request, headers: { ...Object(request.headers), ...from(address) } })).status
      expect([await asked('192.0.2.7'), await asked('192.0.3.7')], path).toEqual([200, 401])
    }
  })

  function bearer() {
    return { Authorization: `Bearer ${allowed.secret}` }
  }
})
