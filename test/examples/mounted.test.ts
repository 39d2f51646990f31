import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { migratedFolder } from '../support/embedded-folder.ts'
import { credentialsOf, eventually, freePort, type Program, run } from '../support/service-process.ts'

let program: Program
let origin: string
let apiKey: string

beforeAll(async () => {
  const folder = await migratedFolder()
  const port = await freePort()
  origin = `http://localhost:${port}`
  program = run('examples/mounted.ts', {
    cwd: folder,
    env: { PORT: String(port), MINTAGE_ISSUER: `${origin}/auth`, LOG_LEVEL: 'error' },
  })
  const ended = program.ended.then((code) => {
    throw new Error(`the example ended with ${code}:\n${program.printed()}`)
  })
  ended.catch(() => {})
  await Promise.race([ended, eventually(async () => (await fetch(`${origin}/auth/readyz`)).status === 200, 12_000)])
  apiKey = (await credentialsOf(folder)).apiKey
}, 180_000)

afterAll(async () => {
  await program.end()
})

test('the application around Mintage answers its own routes', async () => {
  expect(await (await fetch(origin)).text()).toBe('the application\n')
})

test('a token exchanged through the application passes a verifier that knows only the issuer', async () => {
  const response = await fetch(`${origin}/auth/token`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}` },
  })
  expect(response.status).toBe(200)
  const { access_token: token } = await response.json()
  const issuer = `${origin}/auth`
  const verifier = createVerifier({
    issuer,
    audience: `${issuer}/api`,
    environment: 'test',
    revocations: memoryRevocationList(),
  })
  expect(await verifier.verify(token)).toMatchObject({ issuer, environment: 'test' })
})

test('the signed feed and the reference page are found under the mount', async () => {
  const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server/auth`)).json()
  expect(metadata.issuer).toBe(`${origin}/auth`)
  expect((await fetch(metadata.revocations_uri)).status).toBe(200)
  expect((await fetch(`${origin}/auth/openapi.json`)).status).toBe(200)
})

test('an unknown path under the mount gets an error document of Mintage', async () => {
  const response = await fetch(`${origin}/auth/unknown`)
  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
})

test('it stops cleanly', async () => {
  expect(await program.end()).toBe(0)
})
