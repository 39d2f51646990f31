import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import mutation from '../vitest.mutation.config.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { mutate }: { mutate: string[] } = JSON.parse(readFileSync(`${root}/stryker.config.json`, 'utf8'))

test.each([...mutate, ...(mutation.test?.include ?? [])])('the mutation run finds every file of %s', (pattern) => {
  for (const each of alternatives(pattern)) expect(globSync(each, { cwd: root }), each).not.toEqual([])
})

/** `a/{b,c}.ts` → `a/b.ts`, `a/c.ts`: a glob would match although one of them is missing. */
function alternatives(pattern: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern) ?? []
  return choices === undefined ? [pattern] : choices.split(',').flatMap((each) => alternatives(before + each + after))
}
