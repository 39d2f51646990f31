import { readFileSync } from 'node:fs'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { authorityClaims } from '../../src/api-keys/authority-claims.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { faultInCustomClaims } from '../../src/api-keys/custom-claims.ts'
import { selectKeysWithReservedClaims } from '../../src/api-keys/reserved-claims-queries.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { apiKeys } from '../../src/db/schema.ts'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const listed = Object.values(authorityClaims).flatMap((names) => names.split(' '))

describe('a custom claim that a library takes for authority or identity', () => {
  test.each([
    ...new Set(listed),
    'SCP',
    'Role',
    'https://hasura.io/jwt/claims',
    'x-hasura-role',
    'cognito:x',
    'kubernetes.io/serviceaccount/namespace',
  ])('is refused: %s', (name) => {
    expect(faultInCustomClaims({ [name]: ['admin'] })).toMatch(/reserved name/)
  })

  test.each([
    'Sub',
    'ISS',
    'Scope',
    'Roles',
    'GROUPS',
    'Client_ID',
    'Org_Id',
    'ENV',
    'Exp',
    'producernsilist',
    'limits',
  ])('is refused in any case, because a parser may read it as the claim of the service: %s', (name) => {
    expect(faultInCustomClaims({ [name]: 'x' })).toMatch(/reserved name/)
  })

  test.each(['plan', 'https://acme.example/tenant', 'scp_hint', 'rolex'])('is not every claim: %s', (name) => {
    expect(faultInCustomClaims({ [name]: 'x' })).toBeUndefined()
  })

  test('has its source in docs/reserved-claims.md', () => {
    const page = readFileSync(new URL('../../docs/reserved-claims.md', import.meta.url), 'utf8')
    for (const [library, names] of Object.entries(authorityClaims)) {
      const cells = names.split(' ').map((name) => `\`${name}\``)
      expect(page).toContain(`| ${library} | ${cells.join(' ')} | [`)
    }
  })

  test('stays with a key that has it already, is named, and is refused at the next change', async () => {
    const service = await startTestService()
    const { services } = service
    const { db } = services
    expect(await selectKeysWithReservedClaims(db)).toEqual([])
    const { id, secret } = await service.createKey()
    await db
      .update(apiKeys)
      .set({ customClaims: { scp: ['admin'], plan: 'gold' } })
      .where(eq(apiKeys.id, id))
    expect(await selectKeysWithReservedClaims(db)).toEqual([{ id, names: ['scp'] }])
    expect(partsOf((await exchange(service, secret)).access_token).claims).toMatchObject({ scp: ['admin'] })
    const admin = principal(service.organizationId, ['admin'])
    await expect(updateApiKey(services, admin, id, { name: 'x' })).rejects.toMatchObject({ code: 'invalid_request' })
    await updateApiKey(services, admin, id, { name: 'x', customClaims: { plan: 'gold' } })
    expect(await selectKeysWithReservedClaims(db)).toEqual([])
  })
})

describe('a subject that looks like an id of the service', async () => {
  const { services, organizationId } = await startTestService()
  const admin = principal(organizationId, ['admin'])

  test.each([
    'ｋｅｙ_1',
    'key＿1',
    'k\u200bey_1',
    '\u2060key_1',
    '\ufeffkey_1',
    ' key_1',
    '\u3000org_1',
    'k\u00ade\ufe0fy_1',
    'k\u0301ey_1',
    '\u0137ey_1',
    '\u202ekey_1',
    'ｍｋ_live_1',
  ])('is refused: %j', async (subject) => {
    const creating = createApiKey(services, admin, { name: 'x', environment: 'live', subject })
    await expect(creating).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('who may choose for whom a token speaks', async () => {
  const { services, organizationId } = await startTestService()
  const admin = principal(organizationId, ['admin'])

  test.each(['developer', 'write_agent'])('a %s may not set or change a subject or claims', async (role) => {
    const actor = principal(organizationId, [role])
    for (const identity of [{ subject: 'user-of-another-team' }, { customClaims: { plan: 'gold' } }]) {
      const creating = createApiKey(services, actor, { name: 'x', environment: 'live', ...identity })
      await expect(creating).rejects.toMatchObject({ code: 'permission_denied' })
      const { apiKey } = await createApiKey(services, actor, { name: 'x', environment: 'live' })
      await expect(updateApiKey(services, actor, apiKey.id, identity)).rejects.toMatchObject({
        code: 'permission_denied',
      })
      await updateApiKey(services, admin, apiKey.id, identity)
      expect(await updateApiKey(services, actor, apiKey.id, { name: 'y' })).toMatchObject({ name: 'y', ...identity })
    }
  })
})
