import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { permissions, permissionsOf, type Reach, roles } from '../../src/access/permissions.ts'

const shown: Readonly<Record<Reach, string>> = { own: 'own', organization: 'org', all: 'all' }

test('the page about access describes each role and permission as the service applies it', () => {
  const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
  const rows = permissions.map((permission) => {
    const reaches = roles.map((role) => permissionsOf[role][permission])
    return `| \`${permission}\` | ${reaches.map((reach) => (reach ? shown[reach] : '·')).join(' | ')} |`
  })
  const inPage = page.split('\n').filter((line) => /^\| `\w+\.\w+` \|/.test(line))
  expect(inPage).toEqual(rows)
})
