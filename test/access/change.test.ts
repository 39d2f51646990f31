import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { type ChangeEvent, change, keyHolder, unchanged } from '../../src/access/change.ts'
import { noLock, organizationLock, organizationLockFor } from '../../src/access/locks.ts'
import { systemPrincipal } from '../../src/access/principal.ts'
import { auditEvents, organizations } from '../../src/db/schema.ts'
import { updateOrganizationRow } from '../../src/organizations/queries.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe('the gate for changes', async () => {
  const service = await startTestService()
  const { services } = service
  const { db } = services
  const event: ChangeEvent = { type: 'organization.updated', context: { changed: ['name'] } }

  async function nameOf(id: string): Promise<string | undefined> {
    const [row] = await db.select().from(organizations).where(eq(organizations.id, id))
    return row?.name
  }
  const eventsOf = (subject: string) => db.select().from(auditEvents).where(eq(auditEvents.subject, subject))
  const rename = (id: string, actor = systemPrincipal) =>
    change(services, actor, 'organizations.update', organizationLock(id), async (tx, { name }) => {
      await updateOrganizationRow(tx, id, { name: 'renamed' })
      return { view: { before: name }, event }
    })

  test('makes the change, writes its event about the locked row, and returns the view', async () => {
    const id = await service.createOrganization()
    const before = await nameOf(id)
    expect(await rename(id)).toEqual({ before })
    expect(await nameOf(id)).toBe('renamed')
    expect(await eventsOf(id)).toMatchObject([{ type: 'organization.updated', organizationId: id, actor: 'system' }])
  })

  test('does nothing without the permission', async () => {
    const id = await service.createOrganization()
    const denied = rename(id, principal(id, ['read_only']))
    await expect(denied).rejects.toMatchObject({ code: 'permission_denied' })
    expect(await nameOf(id)).not.toBe('renamed')
  })

  test('answers the same for what belongs to others and what does not exist', async () => {
    const [id, mine] = [await service.createOrganization(), await service.createOrganization()]
    const actor = principal(mine, ['admin'])
    await expect(rename(id, actor)).rejects.toMatchObject({ code: 'not_found' })
    await expect(rename('org_absent', actor)).rejects.toMatchObject({ code: 'not_found' })
    expect(await nameOf(id)).not.toBe('renamed')
  })

  test('refuses an outdated revision, and any revision if the row has none', async () => {
    const id = await service.createOrganization()
    await expect(rename(id, { ...systemPrincipal, expectedRevision: 7 })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await eventsOf(id)).toEqual([])
    const decide = async () => unchanged(undefined)
    const unrevised = change(services, { ...systemPrincipal, expectedRevision: 1 }, 'plans.change', noLock, decide)
    await expect(unrevised).rejects.toMatchObject({ code: 'precondition_failed' })
  })

  test('undoes the change if its event cannot be written', async () => {
    const id = await service.createOrganization()
    const broken = change(services, systemPrincipal, 'organizations.update', organizationLock(id), async (tx) => {
      await updateOrganizationRow(tx, id, { name: 'renamed' })
      return { view: undefined, event: { ...event, context: { changed: [1n] } } as unknown as ChangeEvent }
    })
    await expect(broken).rejects.toThrow()
    expect(await nameOf(id)).not.toBe('renamed')
  })

  test('writes no event if nothing changed, and several events in order', async () => {
    const id = await service.createOrganization()
    const lock = organizationLockFor(id)
    expect(await change(services, systemPrincipal, 'roles.change', lock, async () => unchanged(1))).toBe(1)
    expect(await eventsOf(id)).toEqual([])
    await change(services, systemPrincipal, 'roles.change', lock, async () => ({
      view: undefined,
      events: [
        { type: 'role.deleted', subject: id, context: { permissions: [] } },
        { ...event, subject: id },
      ],
    }))
    const events = await eventsOf(id)
    expect(events.map(({ type }) => type)).toEqual(['role.deleted', 'organization.updated'])
  })

  test('lets a key change only things in its own organization, and refuses a caller without a key', async () => {
    const [id, mine] = [await service.createOrganization(), await service.createOrganization()]
    const decide = async () => unchanged('done')
    const act = (actor: typeof systemPrincipal, organizationId: string) =>
      change(services, actor, keyHolder, organizationLock(organizationId), decide)
    expect(await act(principal(mine, []), mine)).toBe('done')
    await expect(act(principal(mine, []), id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(act(systemPrincipal, id)).rejects.toMatchObject({ code: 'permission_denied' })
  })
})
