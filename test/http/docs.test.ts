import { beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

describe('the reference page', () => {
  test('loads scripts and styles from this service only, none inline, and cannot be framed', async () => {
    const response = await service.request('/docs')
    expect(response.status).toBe(200)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const html = await response.text()
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//)
  })

  test('finds every file that it loads, with the right content type', async () => {
    const html = await (await service.request('/docs')).text()
    const loaded = [...html.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path = '']) => path)
    expect(loaded).toEqual([
      'docs/swagger-ui.css',
      'docs/style.css',
      'docs/swagger-ui-bundle.js',
      'docs/start.js',
      'openapi.json',
    ])
    for (const path of loaded) {
      const response = await service.request(`/${path}`)
      expect(response.status, path).toBe(200)
      expect(response.headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(response.headers.get('content-type'), path).toMatch(
        path.endsWith('css') ? 'text/css' : path.endsWith('json') ? 'application/json' : 'text/javascript',
      )
      expect((await response.text()).length, path).toBeGreaterThan(100)
    }
  })

  test('is loaded once: a client that has a file gets 304', async () => {
    const { headers } = await service.request('/docs/swagger-ui-bundle.js')
    const again = await service.request('/docs/swagger-ui-bundle.js', {
      headers: { 'If-None-Match': headers.get('etag') ?? '' },
    })
    expect(again.status).toBe(304)
  })

  test('sends nothing to a validator elsewhere, and stores no key', async () => {
    const script = await (await service.request('/docs/start.js')).text()
    expect(script).toContain('validatorUrl: null')
    expect(script).toContain('persistAuthorization: false')
  })

  test('is found with a trailing slash, and behind a prefix', async () => {
    const response = await service.request('/docs/')
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe('../docs')
  })

  test('does not serve other files of the package', async () => {
    for (const path of ['/docs/index.html', '/docs/package.json', '/docs/..%2fpackage.json', '/docs/swagger-ui.js']) {
      expect((await service.request(path)).status, path).toBe(404)
    }
  })

  test('is missing where there are no files to serve, and says where the content is', async () => {
    const { readReferenceAsset: _, ...platform } = service.services.platform
    const app = createApp(() => ({ ...service.services, platform }))
    for (const path of ['/docs', '/docs/start.js', '/docs/swagger-ui.css']) {
      const response = await app.request(path)
      expect(response.status, path).toBe(404)
      expect(await response.json(), path).toMatchObject({ detail: expect.stringContaining('/openapi.json') })
    }
    expect((await app.request('/openapi.json')).status).toBe(200)
  })
})
