import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { serveToRoot } from '../../support/listening-service.ts'
import { commandsWith, mintage } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>

beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

const { shown, json } = commandsWith(() => ({ env }))

describe('signing keys from a terminal', () => {
  test('keys are listed, and a rotation that is too early says when it is safe and how', async () => {
    expect(await shown('signing-keys', 'list')).toMatch(/^[\w-]{43} {2}token {4}ES256 {2}2 {8}pending {2}2026-/m)
    expect(await shown('signing-keys', 'rotate')).toMatch(
      /^error: cannot rotate the signing key: the key was published at .* and may sign from .*\nhint: wait until 2026-.*; in an incident: mintage signing-keys rotate --force\n\[1\]$/m,
    )
    service.clock.advance(60)
    expect(await shown('signing-keys', 'rotate', '--force', '--revoke-former', '--dry-run')).toMatch(
      /^would sign .*\nsafe from .*\nearly +yes: verifiers may refuse .*\nrevoked +[\w-]{43}, with every token that it signed$/m,
    )
    expect(await json('signing-keys', 'rotate', '--force', '--yes')).toMatchObject({
      purpose: 'token',
      state: 'active',
    })
  })

  test('a key is rolled back and shown with its history, and another algorithm is added', async () => {
    const former = await json('signing-keys', 'rollback', '--reason', 'tried it')
    expect(former).toMatchObject({ purpose: 'token', state: 'active', version: 1 })
    service.clock.advance(1)
    expect(await shown('signing-keys', 'show', '--', former.kid)).toMatch(/^5 {9}.* effective .* key_… +tried it$/m)
    expect(await json('signing-keys', 'add', '--algorithm', 'EdDSA')).toMatchObject({
      algorithm: 'EdDSA',
      state: 'pending',
    })
  })

  test('a private key is imported only from standard input, as PEM or JWK', async () => {
    const own = () => generateKeyPairSync('ed25519').privateKey
    const pem = own().export({ type: 'pkcs8', format: 'pem' }).toString()
    const jwk = JSON.stringify(own().export({ format: 'jwk' }))
    for (const input of [pem, jwk]) {
      const { stdout, stderr, code } = await mintage(['signing-keys', 'import', '--json'], { env, input })
      expect([code, JSON.parse(stdout)]).toMatchObject([
        0,
        { algorithm: 'EdDSA', origin: 'imported', state: 'pending' },
      ])
      for (const part of [...pem.split('\n').slice(1, -2), JSON.parse(jwk).d])
        expect(stdout + stderr).not.toContain(part)
    }
    expect(await shown('signing-keys', 'import')).toBe(
      '$ mintage signing-keys import\nerror: no key on standard input\nhint: mintage signing-keys import < key.pem\n[2]\n',
    )
    expect((await mintage(['signing-keys', 'import'], { env, input: '{"kty":' })).stderr).toMatch(
      /neither PEM nor JSON/,
    )
  })

  test('a leaked key is replaced if the command says that it leaked', async () => {
    expect(await shown('signing-keys', 'replace')).toBe(
      `$ mintage signing-keys replace
error: replace is for a leaked key: it revokes every token that the key signed
hint: if it leaked: mintage signing-keys replace --compromised; if not: mintage signing-keys rotate
[2]
`,
    )
    const leaked = (await json('signing-keys', 'list')).items.find(
      (key: { purpose: string; state: string }) => key.purpose === 'token' && key.state === 'active',
    )
    const replaced = await json('signing-keys', 'replace', '--compromised', '--reason', 'seen in a paste', '--yes')
    expect(replaced).toMatchObject({
      active: { state: 'active' },
      next: { state: 'pending' },
      revoked: [{ kid: leaked.kid }],
    })
    expect(await shown('signing-keys', 'show', '--', leaked.kid)).toMatch(/^revoked {8}.* by key_…: seen in a paste$/m)
    expect(await shown('revocations', 'list')).toContain(leaked.kid)
  })
})
