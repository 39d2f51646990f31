import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

const linksOn = (page: string) => [...page.matchAll(/<a href="([^"]+)"/g)].map(([, path = '']) => path)

describe('the page at /', () => {
  test('has the name, the version of the package, and links that lead somewhere', async () => {
    const response = await service.request('/')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const page = await response.text()
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(page).toContain(`<h1>Mintage ${version}</h1>`)
    expect(page).toContain(issuer)
    const links = linksOn(page)
    expect(links).toContain('/docs')
    expect(links).toContain('/.well-known/oauth-authorization-server')
    for (const path of links) expect([404, 405], path).not.toContain((await service.request(path)).status)
  })

  test('runs no script and cannot be framed', async () => {
    const { headers } = await service.request('/')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(await (await service.request('/')).text()).not.toMatch(/<script|<style|\son\w+=|\sstyle=/)
  })

  test('answers HEAD and refuses other methods', async () => {
    expect((await service.request('/', { method: 'HEAD' })).status).toBe(200)
    const refused = await service.request('/', { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('links to the path of the issuer, where it is mounted, and escapes it', async () => {
    const config = { ...service.services.config, issuer: "https://auth.example/a&b'<c>" }
    const page = await (await createApp(() => ({ ...service.services, config })).request('/')).text()
    expect(linksOn(page)).toContain('/a&amp;b&#39;%3Cc%3E/docs')
    expect(page).not.toContain('<c>')
  })

  test('leaves out the reference page where there is none', async () => {
    const { readReferenceAsset: _, ...platform } = service.services.platform
    const page = await (await createApp(() => ({ ...service.services, platform })).request('/')).text()
    expect(linksOn(page)).not.toContain('/docs')
    expect(linksOn(page)).toContain('/openapi.json')
  })
})
