import { describe, expect, test } from 'vitest'
import { adminClient } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startFarService } from '../../support/far-service.ts'
import { startTestService } from '../../support/test-service.ts'

const roundTripMilliseconds = 100
const requestDeadlineMilliseconds = 2000

describe.runIf(databaseKinds.includes('postgres'))('on a database that is 100 ms away', () => {
  // Counted, not timed: the machine that runs the tests may be slow.
  test.each([
    ['an API key is created', '/v1/api-keys', { name: 'far' }],
    ['a signing key is rotated', '/v1/signing-keys/rotate', { purpose: 'token', force: true }],
  ])('%s within the default deadlines, with an Idempotency-Key too', async (_what, path, body) => {
    const service = await startTestService('postgres')
    const far = await startFarService(service)
    const call = adminClient(far, service.rootKey)
    const headers = (key: string) => ({ 'Idempotency-Key': key })
    expect((await call('POST', path, body, headers('first'))).status).toBeLessThan(300)

    const before = far.proxy.roundTrips()
    expect((await call('POST', path, body, headers('second'))).status).toBeLessThan(300)
    const roundTrips = far.proxy.roundTrips() - before
    expect(roundTrips * roundTripMilliseconds).toBeLessThan(requestDeadlineMilliseconds)

    far.proxy.delayAnswers(roundTripMilliseconds)
    expect((await call('POST', path, body, headers('third'))).status).toBeLessThan(300)
    expect((await call('POST', path, body)).status).toBeLessThan(300)
  })
})
