import { beforeAll, expect, test } from 'vitest'
import { rememberVerifiers } from '../../../src/verifiers/queries.ts'
import { movableClock } from '../../support/clock.ts'
import { folderOfFirstStart, serve } from '../../support/listening-service.ts'
import { mintage } from '../../support/run-cli.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

let service: TestService
let folder: string

beforeAll(async () => {
  // The command computes ages with the clock of its own machine.
  service = await startTestService('embedded', { clock: movableClock(new Date()) })
  folder = await folderOfFirstStart(service, await serve(service))
})

async function shown(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await mintage(args, { cwd: folder })
  expect([code, stderr]).toEqual([0, ''])
  return stdout.replace(/ {2,}/g, '  ')
}

test('before any verifier came, the list is empty, and the list of keys mentions none', async () => {
  expect(await shown('verifiers', 'list')).toBe('no verifiers\n')
  expect(await shown('signing-keys', 'list')).not.toContain('verifier')
})

test('the operator sees who has the next key, and who does not', async () => {
  const { id } = await service.createKey()
  const keys: { items: { kid: string; state: string; purpose: string }[] } = JSON.parse(
    (await mintage(['signing-keys', 'list', '--json'], { cwd: folder })).stdout,
  )
  const kids = keys.items.filter(({ purpose }) => purpose === 'token').map(({ kid }) => kid)
  const next = keys.items.find(({ purpose, state }) => purpose === 'token' && state === 'pending')?.kid ?? ''
  const now = service.clock.now()
  const row = (name: string, held: string[], minutes: number) => ({
    clientId: name === 'stranger' ? '' : id,
    name,
    kids: held,
    lastFetchedAt: new Date(now.getTime() - minutes * 60_000),
    address: '192.0.2.1',
    agent: null,
  })
  await rememberVerifiers(service.database.db, [
    row('orders-api', kids, 1),
    row(
      'billing-api',
      kids.filter((kid) => kid !== next),
      40,
    ),
    row('stranger', [], 1),
  ])
  expect(await shown('signing-keys', 'list')).toContain(
    `${next}: 1 of 2 verifiers hold the new key, billing-api last fetched 40 min ago\n`,
  )
  const listed = (await shown('verifiers', 'list')).split('\n').map((line) => line.replace(/\d{4}-\S+Z/, 'INSTANT'))
  expect(listed).toEqual([
    'NAME  API KEY  STATE  KEYS  LAST FETCHED  FROM',
    `billing-api  ${id}  known  1  INSTANT  192.0.2.1`,
    `orders-api  ${id}  known  2  INSTANT  192.0.2.1`,
    'stranger  -  anonymous  0  INSTANT  192.0.2.1',
    '',
  ])
})

test('a key that was used shows where, and an unused one says so', async () => {
  const { id, secret } = await service.createKey()
  expect(await shown('api-keys', 'show', id)).toContain('\n\nnot used so far\n')
  await service.request('/token', {
    method: 'POST',
    headers: { 'X-API-Key': secret, 'User-Agent': 'orders/1\u00a0\u009b31m' },
  })
  await service.services.usage.flush()
  expect(await shown('api-keys', 'show', id)).toMatch(
    /VERSION {2}EXCHANGES {2}AUTHENTICATIONS {2}LAST USED {2}TOKENS UNTIL {2}FROM {2}BY\n1 {2}1 {2}1 {2}\S+Z {2}\S+Z {2}- {2}orders\/1.*�31m\n/,
  )
})
