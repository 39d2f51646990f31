import { TrieRouter } from 'hono/router/trie-router'
import { expect, test } from 'vitest'
import { rememberingRouter } from '../../src/http/router.ts'

const routes = [
  ['ALL', '/*', 'context'],
  ['POST', '/token', 'exchange'],
  ['ALL', '/token', 'method not allowed'],
  ['GET', '/v1/api-keys/:id', 'show'],
  ['POST', '/v1/api-keys/revoke', 'revoke many'],
  ['GET', '/docs/:asset{[a-z]+\\.js}', 'asset'],
] as const

test.each(['first', 'second'])('finds the same routes as a router without memory, the %s time', (time) => {
  const [remembering, forgetful] = [rememberingRouter<string>(), new TrieRouter<string>()]
  for (const router of [remembering, forgetful])
    for (const [method, path, handler] of routes) router.add(method, path, handler)
  const asked = [
    ['POST', '/token'],
    ['GET', '/token'],
    ['BREW', '/token'],
    ['GET', '/v1/api-keys/key_1'],
    ['GET', '/v1/api-keys/key_2'],
    ['GET', '/v1/api-keys/revoke'],
    ['POST', '/v1/api-keys/revoke'],
    ['GET', '/docs/a.js'],
    ['GET', '/docs/:asset{[a-z]+\\.js}'],
    ['GET', '/nowhere'],
    ['GET', '/*'],
  ] as const
  if (time === 'second') for (const [method, path] of asked) remembering.match(method, path)
  for (const [method, path] of asked)
    expect(remembering.match(method, path), `${method} ${path}`).toEqual(forgetful.match(method, path))
})

test('finds a route that is added after the first request', () => {
  const router = rememberingRouter<string>()
  router.add('GET', '/token', 'first')
  expect(router.match('GET', '/token')[0]).toHaveLength(1)
  router.add('ALL', '/token', 'second')
  expect(router.match('GET', '/token')[0]).toHaveLength(2)
})
