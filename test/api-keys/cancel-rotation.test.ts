import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { cancelRotation } from '../../src/api-keys/cancel-rotation.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { findLeakedApiKey } from '../../src/api-keys/revoke.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { revocations } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { createRevocation, listRevocations } from '../../src/revocations/operations.ts'
import { adminClient } from '../support/admin-client.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, form, partsOf } from '../support/oauth-requests.ts'
import { revoked, startWithRotatedKeys } from '../support/rotated-keys.ts'

const day = 86_400

describe.each(databaseKinds)('taking a rotation back on %s', async (kind) => {
  const { service, services, clock, organizationId, admin, input, ...keys } = await startWithRotatedKeys(kind)
  const { rotated, tokenOf, status, verdict, inSeconds, statesOf } = keys
  const rulesOn = (id: string) => services.db.select().from(revocations).where(eq(revocations.value, id))

  test('ends the new version and its tokens, and the previous one is the newest again, as long as the key', async () => {
    const { id, first, second, early } = await rotated()
    const [during, fresh] = [await tokenOf(first), await tokenOf(second)]
    expect(await verdict(fresh)).toBe('accepted')
    expect(await cancelRotation(services, admin, id)).toMatchObject({
      apiKey: { id, version: 1, status: 'usable', revision: 3 },
      cancelledVersion: 2,
      newestVersion: { version: 1, endsAt: null },
    })
    expect([await status(first), await status(second)]).toEqual([200, 401])
    expect([await verdict(early), await verdict(during), await verdict(fresh)]).toEqual([
      'accepted',
      'accepted',
      revoked,
    ])
    expect(await statesOf(id)).toEqual([
      [2, 'cancelled', clock.now().toISOString()],
      [1, 'newest', null],
    ])
    clock.advance(3600)
    await services.revocations.refresh()
    const later = await tokenOf(first)
    expect(partsOf(later).claims).toMatchObject({ key_version: 1, exp: Number(partsOf(later).claims.iat) + 900 })
    expect([await verdict(later), await status(second)]).toEqual(['accepted', 401])
  })

  test('lets a token from before the rotation live past the end of the overlap', async () => {
    const { id, early } = await rotated(60)
    await cancelRotation(services, admin, id)
    clock.advance(61)
    await services.revocations.refresh()
    expect(await verdict(early)).toBe('accepted')
  })

  test('gives the previous version the end that it had before the rotation', async () => {
    const { id, secret } = await service.createKey({ organizationId, versionExpiresAt: inSeconds(3600) })
    const endsAt = inSeconds(3600).toISOString()
    await rotateApiKey(services, admin, id, { overlapSeconds: 60 })
    expect(await cancelRotation(services, admin, id)).toMatchObject({ newestVersion: { version: 1, endsAt } })
    clock.advance(3599)
    expect(await status(secret)).toBe(200)
    clock.advance(1)
    expect(await status(secret)).toBe(401)
  })

  test('refuses the new secret and its tokens everywhere', async () => {
    const id = (await createApiKey(services, systemPrincipal, { ...input, organizationId, roles: ['admin'] })).apiKey.id
    const root = { ...systemPrincipal, scopes: new Set(['orders:*']) }
    const { secret } = await rotateApiKey(services, root, id, { overlapSeconds: 3600 })
    const token = (await exchange(service, secret, { audience: services.config.issuer })).access_token
    const asks = (credential: string) => adminClient(service, credential)('GET', '/v1/me')
    const introspects = (credential: string, about: string) =>
      service.request('/introspect', form({ token: about }, { Authorization: `Bearer ${credential}` }))
    for (const credential of [secret, token]) expect((await asks(credential)).status).toBe(200)
    expect(await (await introspects(secret, token)).json()).toMatchObject({ active: true })
    await cancelRotation(services, root, id)
    for (const credential of [secret, token]) expect((await asks(credential)).status).toBe(401)
    expect((await introspects(secret, token)).status).toBe(401)
    expect(await (await introspects(service.rootKey, token)).json()).toEqual({ active: false })
  })

  test('does not use the number of the cancelled version again', async () => {
    const { id, first, second } = await rotated()
    const cancelled = await tokenOf(second)
    await cancelRotation(services, admin, id)
    const { secret: third, apiKey, formerVersion } = await rotateApiKey(services, admin, id, { overlapSeconds: 3600 })
    expect([apiKey.version, formerVersion.version]).toEqual([3, 1])
    expect([await status(first), await status(second), await status(third)]).toEqual([200, 401, 200])
    const [old, fresh] = [await tokenOf(first), await tokenOf(third)]
    expect([await verdict(old), await verdict(cancelled), await verdict(fresh)]).toEqual([
      'accepted',
      revoked,
      'accepted',
    ])
    expect((await statesOf(id)).map(([version, state]) => [version, state])).toEqual([
      [3, 'newest'],
      [2, 'cancelled'],
      [1, 'overlapping'],
    ])
    clock.advance(3600)
    await services.revocations.refresh()
    expect([await status(first), await verdict(await tokenOf(third))]).toEqual([401, 'accepted'])
  })

  test('can be done again after the next rotation, which keeps its own promises', async () => {
    const { id, first } = await rotated()
    await cancelRotation(services, admin, id)
    const { secret: third } = await rotateApiKey(services, admin, id, { overlapSeconds: 3600 })
    expect(await cancelRotation(services, admin, id)).toMatchObject({
      cancelledVersion: 3,
      newestVersion: { version: 1 },
    })
    const { secret: fourth } = await rotateApiKey(services, admin, id, { overlapSeconds: 3600 })
    const { secret: fifth } = await rotateApiKey(services, admin, id, { overlapSeconds: 3600 })
    const statuses = await Promise.all([first, third, fourth, fifth].map(status))
    expect(statuses).toEqual([401, 401, 200, 200])
    await cancelRotation(services, admin, id)
    expect([await status(first), await status(fourth), await status(fifth)]).toEqual([401, 200, 401])
    await expect(cancelRotation(services, admin, id)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('takes only the rule of the rotation off the list, not one that somebody added', async () => {
    const { id, first } = await rotated()
    const [, [, , endsAt] = []] = await statesOf(id)
    const rule = {
      kind: 'api_key',
      value: id,
      maxVersion: 1,
      reason: 'rotated',
      effectiveAt: new Date(String(endsAt)),
    } as const
    const added = await createRevocation(services, systemPrincipal, rule)
    const open = await createRevocation(services, systemPrincipal, { ...rule, issuedBefore: null })
    await cancelRotation(services, admin, id)
    const rules = await rulesOn(id)
    expect(rules.filter(({ liftedAt }) => liftedAt !== null)).toMatchObject([{ maxVersion: 1, reason: 'rotated' }])
    expect(rules.filter(({ id }) => [added.id, open.id].includes(id)).map(({ liftedAt }) => liftedAt)).toEqual([
      null,
      null,
    ])
    expect(rules.filter(({ minVersion }) => minVersion !== null)).toMatchObject([{ minVersion: 2, maxVersion: 2 }])
    const { items } = await listRevocations(services, systemPrincipal, { limit: 1 })
    expect(items).toMatchObject([{ value: id, minVersion: 2, maxVersion: 2, reason: 'rotation cancelled' }])
    expect(await status(first)).toBe(200)
  })

  test('keeps the settings that the rotation changed', async () => {
    const { id, first } = await rotated(3600, { scopes: ['orders:write'], name: 'new' })
    const { apiKey } = await cancelRotation(services, admin, id)
    expect(apiKey).toMatchObject({ name: 'new', scopes: ['orders:write'] })
    expect(partsOf(await tokenOf(first)).claims).toMatchObject({ scope: 'orders:write' })
  })

  test('the audit trail records which version ended and which one is the newest again', async () => {
    const { id } = await rotated()
    await cancelRotation(services, admin, id)
    expect((await eventsOf(services, { subject: id })).at(-1)).toMatchObject({
      type: 'api_key.rotation_cancelled',
      context: { version: 2, newest: 1, newestEndsAt: null },
    })
  })

  test('a leaked secret of the cancelled version still names its key', async () => {
    const { id, second } = await rotated()
    await cancelRotation(services, admin, id)
    const sha256 = await services.platform.sha256(second)
    expect(await findLeakedApiKey(services, admin, { sha256 })).toBe(id)
  })

  test('a reminder about the cancelled version does not replace the one about the restored version', async () => {
    const { apiKey } = await createApiKey(services, admin, { ...input, rotateEverySeconds: 10 * day })
    const { id } = apiKey
    const reminders = () => eventsOf(services, { subject: id, type: 'api_key.rotation_due' })
    clock.advance(day)
    await rotateApiKey(services, admin, id, { overlapSeconds: 20 * day })
    clock.advance(8 * day)
    await runMaintenance(services)
    expect((await reminders()).map(({ context }) => context)).toMatchObject([{ version: 2 }])
    await cancelRotation(services, admin, id)
    for (let run = 0; run < 2; run += 1) await runMaintenance(services)
    const dueAt = apiKey.rotationDueAt
    expect((await reminders()).map(({ context }) => context)).toMatchObject([{ version: 2 }, { version: 1, dueAt }])
    expect(await showApiKey(services, admin, id)).toMatchObject({ rotationDueAt: dueAt })
  })

  test('many attempts at once take it back once', async () => {
    const { id, first, second } = await rotated()
    const attempts = await Promise.allSettled(Array.from({ length: 6 }, () => cancelRotation(services, admin, id)))
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1)
    expect([await status(first), await status(second)]).toEqual([200, 401])
    expect((await rulesOn(id)).filter(({ minVersion }) => minVersion === 2)).toHaveLength(1)
  })

  test('together with rotations, leaves at most two secrets that work, and the newest is one of them', async () => {
    const { id, first, second } = await rotated()
    const rotations = Array.from({ length: 4 }, () => rotateApiKey(services, admin, id, { overlapSeconds: 60 }))
    const cancellations = Array.from({ length: 4 }, () => cancelRotation(services, admin, id).catch(() => undefined))
    const [more] = await Promise.all([Promise.all(rotations), Promise.all(cancellations)])
    const secrets = [first, second, ...more.map(({ secret }) => secret)]
    const working = (await Promise.all(secrets.map(status))).filter((code) => code === 200).length
    expect([1, 2]).toContain(working)
    const states = (await statesOf(id)).map(([, state]) => state)
    expect(states.filter((state) => state === 'newest')).toHaveLength(1)
    expect(states.filter((state) => state === 'newest' || state === 'overlapping')).toHaveLength(working)
    expect(new Set((await statesOf(id)).map(([version]) => version)).size).toBe(6)
  })

  test('an Idempotency-Key makes a repeated request give the first answer', async () => {
    const { id, first, second } = await rotated()
    const root = adminClient(service, service.rootKey)
    const cancel = () => root('POST', `/v1/api-keys/${id}/rotate/cancel`, {}, { 'Idempotency-Key': `cancel-${id}` })
    const answers = [await cancel(), await cancel()]
    expect(answers.map((answer) => answer.status)).toEqual([200, 200])
    expect(answers[1]?.body).toEqual(answers[0]?.body)
    expect(answers[0]?.headers.get('etag')).toBe('"3"')
    expect((await root('POST', `/v1/api-keys/${id}/rotate/cancel`)).status).toBe(409)
    expect([await status(first), await status(second)]).toEqual([200, 401])
  })

  test('the only administrator of an organization stays one, by its previous secret', async () => {
    const alone = await service.createOrganization('alone')
    const { apiKey, secret: first } = await createApiKey(services, systemPrincipal, {
      ...input,
      scopes: [],
      organizationId: alone,
      roles: ['admin'],
    })
    const path = `/v1/api-keys/${apiKey.id}/rotate`
    const { body } = await adminClient(service, first)('POST', path, { overlapSeconds: 3600 })
    const second = String(body.secret)
    expect((await adminClient(service, second)('POST', `${path}/cancel`)).status).toBe(200)
    expect((await adminClient(service, second)('GET', '/v1/me')).status).toBe(401)
    expect((await adminClient(service, first)('GET', '/v1/api-keys')).status).toBe(200)
  })
})
