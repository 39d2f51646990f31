import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { errorCatalogue } from '../src/error-catalogue.ts'
import { commentsOf, findTics, longSentences, proseOf, testNamesOf, textsOf } from './support/plain-english.ts'
import { everyCommand, mintage } from './support/run-cli.ts'
import { startTestService } from './support/test-service.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const list = (folder: string, extension: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name))
    .sort()

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['test/conformance/README.md', 'test/security/README.md'],
  ...list('docs', '.md'),
]

/** The card of CONTRIBUTING.md quotes what nobody should write. */
const withoutTheCard = (page: string) =>
  page.replace(/^\| not \| but \|\n(\|.*\n)+/gm, (card) => card.replace(/.+/g, ''))

describe('pages are in plain English', () => {
  test.each(pages)('%s', (path) => {
    expect(findTics(proseOf(withoutTheCard(read(path))), path)).toEqual([])
  })

  test.each(pages)('no sentence of %s takes two breaths', (path) => {
    expect(longSentences(read(path), 50)).toEqual([])
  })

  test('.env.example', () => {
    expect(findTics(read('.env.example'), '.env.example')).toEqual([])
  })
})

describe('what the service and the program say is in plain English', () => {
  test('the error catalogue', () => {
    const texts = Object.entries(errorCatalogue).map((entry) => JSON.stringify(entry))
    expect(findTics(texts.join('\n'), 'errors')).toEqual([])
    expect(findTics(read('scripts/error-guide.ts'), 'scripts/error-guide.ts')).toEqual([])
  })

  test('the API document', async () => {
    const service = await startTestService()
    const document = await (await service.request('/openapi.json')).json()
    expect(findTics(JSON.stringify(document, undefined, 1), '/openapi.json')).toEqual([])
  })

  test.each(everyCommand())('the help of mintage $words', async ({ words }) => {
    const { stdout } = await mintage([...words, '--help'])
    expect(findTics(stdout, ['mintage', ...words, '--help'].join(' '))).toEqual([])
  })

  test.each(list('src', '.ts'))('the texts in %s', (path) => {
    expect(findTics(textsOf(read(path)), path)).toEqual([])
  })
})

describe('what contributors read is in plain English', () => {
  test.each(list('src', '.ts'))('the comments of %s', (path) => {
    expect(findTics(commentsOf(read(path)), path)).toEqual([])
  })

  test.each(list('test', '.test.ts').filter((path) => !path.endsWith('plain-english.test.ts')))(
    'the names of the tests in %s',
    (path) => {
      expect(findTics(testNamesOf(read(path)), path)).toEqual([])
    },
  )
})
