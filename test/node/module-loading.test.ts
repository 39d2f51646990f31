import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const drizzle = dirname(fileURLToPath(import.meta.resolve('drizzle-orm')))

// That a service starts with them is seen in test/runtime.
test('all modules of drizzle-orm are ES modules of one package, which is what module-loading.node.ts takes for granted', () => {
  expect(globSync('**/package.json', { cwd: drizzle })).toEqual(['package.json'])
  expect(JSON.parse(readFileSync(join(drizzle, 'package.json'), 'utf8'))).toMatchObject({
    name: 'drizzle-orm',
    type: 'module',
  })
  expect(drizzle).toContain(join('node_modules', 'drizzle-orm'))
})
