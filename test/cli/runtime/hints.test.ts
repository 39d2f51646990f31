import { beforeAll, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { mintage } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>

beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

const organization = 'hint: mintage organizations list'
const account = 'hint: mintage service-accounts list'
const roles = 'hint: mintage roles list'
const plans = 'hint: mintage plans list'
const hash = '0'.repeat(64)

test.each<[string, string, string]>([
  ['api-keys create x --service-account svc_nope', '--service-account: not found', account],
  ['api-keys create x --organization org_nope', '--organization: not found', organization],
  ['api-keys create x --role nope', '--role holds an unknown role', roles],
  ['api-keys list --service-account svc_nope', '--service-account: not found', account],
  ['api-keys list --organization org_nope', '--organization: not found', organization],
  ['api-keys update {key} --service-account svc_nope', '--service-account: not found', account],
  ['api-keys rotate {key} --service-account svc_nope --yes', '--service-account: not found', account],
  ['api-keys rotate key_nope --yes', 'not found', 'hint: mintage api-keys list'],
  ['api-keys end-version {key} 7 --yes', 'version: not found', 'hint: mintage api-keys versions <id>'],
  ['api-keys revoke-many --service-account svc_nope --yes', '--service-account: not found', account],
  ['api-keys revoke-many --organization org_nope --yes', '--organization: not found', organization],
  ['service-accounts create x --organization org_nope', '--organization: not found', organization],
  ['service-accounts list --organization org_nope', '--organization: not found', organization],
  ['service-accounts create x --role nope', '--role holds an unknown role', roles],
  ['roles show developer --organization org_nope', '--organization: not found', organization],
  ['roles create abc --permission api_keys.read:own --organization org_nope', '--organization: not', organization],
  ['members list --organization org_nope', '--organization: not found', organization],
  ['members assign-roles {key} --role nope', '--role holds an unknown role', roles],
  ['audit list --organization org_nope', '--organization: not found', organization],
  ['organizations create x --plan nope', '--plan does not exist', plans],
  ['revocations create --kind api_key --value key_nope --yes', '--value: not found', '--kind: mintage revocations'],
  ['revocations create --kind signing_key --value nope --yes', '--value: not found', '--kind: mintage revocations'],
  ['signing-keys activate nope --yes', 'not found', 'hint: mintage signing-keys list'],
])('mintage %s hints at the command that lists what is there', async (line, words, hint) => {
  const { id } = await service.createKey()
  const { stderr, code } = await mintage(line.replace('{key}', id).split(' '), { env })
  expect(code).toBe(1)
  expect(stderr).toContain(words)
  expect(stderr).toContain(hint)
})

test('an activation that is too early hints at its own --force', async () => {
  const [pending] = JSON.parse((await mintage(['signing-keys', 'list', '--json'], { env })).stdout).items.filter(
    ({ state, algorithm }: { state: string; algorithm: string }) => state === 'pending' && algorithm === 'ES256',
  )
  const { stderr } = await mintage(['signing-keys', 'activate', `--`, pending.kid], { env })
  expect(stderr).toMatch(/^hint: wait until 2026-.*; in an incident: mintage signing-keys activate --force <kid>$/m)
})

test('a key that would live too long hints at an option that the command has', async () => {
  const id = await service.createOrganization()
  expect((await mintage(['organizations', 'change-policy', id, '3600'], { env })).code).toBe(0)
  const created = await mintage(['api-keys', 'create', 'x', '--organization', id], { env })
  expect(created.stderr).toContain('hint: give an earlier --expires-at\n')
})

test('a missing service account in a row of an import is named', async () => {
  const input = `name,hash,serviceAccountId\nx,${hash},svc_nope\n`
  const { stdout, stderr } = await mintage(['api-keys', 'import', '-', '--json'], { env, input })
  expect(stdout + stderr).toContain('serviceAccountId: not found, or you do not have access.')
})
