import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const drizzle = dirname(fileURLToPath(import.meta.resolve('drizzle-orm')))

// test/runtime shows that a service starts with them.
test('all modules of drizzle-orm are ES modules of one package, as src/node/module-loading.ts assumes', () => {
  expect(globSync('**/package.json', { cwd: drizzle })).toEqual(['package.json'])
  expect(JSON.parse(readFileSync(join(drizzle, 'package.json'), 'utf8'))).toMatchObject({
    name: 'drizzle-orm',
    type: 'module',
  })
  expect(drizzle).toContain(join('node_modules', 'drizzle-orm'))
})
