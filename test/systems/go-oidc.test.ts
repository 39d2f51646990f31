import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { createKey, exchange } from '../support/journey.ts'
import { credentialsOf, type ServiceProcess, startServiceProcess, temporaryFolder } from '../support/service-process.ts'

type Run = { code: number; stdout: string; stderr: string }

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd: join(import.meta.dirname, 'go-oidc'), env }
    const child = execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

/** Builds the Go program with Debian's packages: no module is downloaded. Returns its path. */
async function buildProgram(): Promise<string> {
  const folder = await temporaryFolder()
  const program = join(folder, 'discover')
  const build = await run('go', ['build', '-buildvcs=false', '-o', program, 'main.go'], {
    ...{ PATH: process.env.PATH, HOME: folder, GOCACHE: join(folder, 'cache') },
    ...{ GO111MODULE: 'off', GOPATH: '/usr/share/gocode' },
  })
  expect(build).toEqual({ code: 0, stdout: '', stderr: '' })
  return program
}

describe.runIf(inject('goOidc'))('go-oidc', () => {
  let service: ServiceProcess
  let rootKey: string
  let program: string

  beforeAll(async () => {
    program = await buildProgram()
    service = await startServiceProcess()
    rootKey = (await credentialsOf(service.folder)).rootApiKey
  })

  const discover = (args: readonly string[], token: string) => run(program, args, {}, token)

  test('finds the issuer by discovery, and verifies its token with the keys that it found', async () => {
    const audience = `${service.issuer}/api`
    const apiKey = await createKey(service.url, rootKey, { name: 'go', scopes: ['orders:read'] })
    const token = await exchange(service.url, { method: 'POST', headers: { 'x-api-key': apiKey.secret } })
    const { code, stdout, stderr } = await discover([service.issuer, audience], token)
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({ tokenEndpoint: `${service.issuer}/token`, subject: apiKey.id })

    const forged = `${token.slice(0, -4)}AAAA`
    expect((await discover([service.issuer, audience], forged)).stderr).toContain('failed to verify signature')
    expect((await discover([service.issuer, 'https://other.example'], token)).code).toBe(1)
  })
})
