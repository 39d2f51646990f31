import { expect, test } from 'vitest'
import { protectedResource } from '../../src/kit/protected-resource.ts'
import { issuerUrl } from '../support/test-issuer.ts'

test.each([
  ['https://api.example', '/.well-known/oauth-protected-resource'],
  ['https://api.example/', '/.well-known/oauth-protected-resource'],
  ['https://api.example/orders', '/.well-known/oauth-protected-resource/orders'],
  ['https://api.example/orders/', '/.well-known/oauth-protected-resource/orders'],
])('the metadata of %s is served at %s', (audience, path) => {
  const resource = protectedResource({ verifier: { issuer: issuerUrl, audience } })
  expect([resource.path, resource.metadataUrl]).toEqual([path, `https://api.example${path}`])
})

test('scopes are listed only if they are configured', () => {
  const verifier = { issuer: issuerUrl, audience: 'https://api.example' }
  expect(protectedResource({ verifier }).document).not.toHaveProperty('scopes_supported')
  expect(protectedResource({ verifier, scopes: ['a'] }).document.scopes_supported).toEqual(['a'])
})

test.each([['orders'], ['https://api.example#x'], ['']])('an audience %j has no metadata', (audience) => {
  expect(() => protectedResource({ verifier: { issuer: issuerUrl, audience } })).toThrow(TypeError)
})
