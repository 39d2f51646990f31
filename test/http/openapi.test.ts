import { Validator } from '@seriousme/openapi-schema-validator'
import { beforeAll, describe, expect, test } from 'vitest'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let text: string
let document: Document

type Operation = {
  operationId?: string
  summary?: string
  tags?: string[]
  security?: object[]
  parameters?: { name: string; in: string }[]
  responses?: Record<string, { content?: Record<string, { example?: { status: number } }> }>
}
type Document = {
  paths: Record<string, Record<string, Operation>>
  tags: { name: string; description?: string }[]
  [name: string]: unknown
}

beforeAll(async () => {
  service = await startTestService()
  text = await (await service.request('/openapi.json')).text()
  document = JSON.parse(text)
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
  )

describe('the API document', () => {
  test('is valid OpenAPI 3.1 according to an independent validator', async () => {
    const verdict = await new Validator().validate(structuredClone(document))
    expect(verdict.errors ?? []).toEqual([])
    expect(verdict.valid).toBe(true)
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers).toEqual([{ url: issuer }])
  })

  test('contains no dangling reference', () => {
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, pointer = '']) => pointer)
    const dead = references.filter(
      (pointer) => pointer.split('/').reduce<unknown>((at, name) => Object(at)[name], document) === undefined,
    )
    expect(references.length).toBeGreaterThan(20)
    expect(dead).toEqual([])
  })

  test('describes every route that is served, and no other', () => {
    // Not described: the metrics and the pages, which are for people, and the methods that a path refuses.
    const beside = /^GET \/(metrics|docs(\/.*)?|openapi\.json)?$/
    const served = service.app.routes
      .filter(({ method, path }) => !['ALL', 'OPTIONS'].includes(method) && !path.includes('*'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
      .filter((route) => !beside.test(route))
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...new Set(served)].sort())
  })

  test('names each operation once, with a summary and a tag', () => {
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const nameless = operations().filter(
      ({ operation }) => !operation.operationId || !operation.summary || operation.tags?.length !== 1,
    )
    expect(nameless.map(({ name }) => name)).toEqual([])
  })

  test('describes each tag, and has no tag without an operation', () => {
    const used = new Set(operations().flatMap(({ operation }) => operation.tags ?? []))
    expect(new Set(document.tags.map(({ name }) => name))).toEqual(used)
    expect(document.tags.filter(({ description }) => !description)).toEqual([])
  })

  test('says who may call each operation', () => {
    const open = operations().filter(({ operation }) => operation.security?.length === 0)
    expect(
      open
        .map(({ path }) => path)
        .filter((path) => path.startsWith('/v1') || /^\/(token|introspect|revoke)$/.test(path)),
    ).toEqual([])
    expect(document.security).toEqual([{ bearer: [] }, { apiKey: [] }])
  })

  test('gives every list a cursor, and every PUT and PATCH an If-Match', () => {
    const lists = operations().filter(
      ({ name, operation }) => /^GET \/v1\//.test(name) && /^list/.test(operation.operationId ?? ''),
    )
    // These are few, and fit on one page.
    const onOnePage = ['listPlans', 'listKeks', 'listSigningKeys', 'listRoles']
    const without = lists.filter(({ operation }) => !operation.parameters?.some(({ name }) => name === 'cursor'))
    expect(without.map(({ operation }) => operation.operationId).filter((id) => !onOnePage.includes(id ?? ''))).toEqual(
      [],
    )
    const changes = operations().filter(({ name }) => /^(PUT|PATCH) /.test(name))
    const unguarded = changes.filter(
      ({ operation }) => !operation.parameters?.some(({ name }) => name.toLowerCase() === 'if-match'),
    )
    expect(unguarded.map(({ name }) => name)).toEqual([])
  })

  test('has no example that looks like a credential', () => {
    expect(text).not.toMatch(/[a-z0-9]{2,16}_(live|test)_[0-9A-Za-z]{8}|eyJ[\w-]{8}|raw:[A-Za-z0-9+/]{16}|-----BEGIN/)
  })

  test('shows an example with the right status for each error', () => {
    const refusals = operations().flatMap(({ name, operation }) =>
      Object.entries(operation.responses ?? {}).flatMap(([status, { content }]) => {
        const example = content?.['application/problem+json']?.example
        return example === undefined ? [] : [{ name, status, shown: String(example.status) }]
      }),
    )
    expect(refusals.length).toBeGreaterThan(100)
    expect(refusals.filter(({ status, shown }) => shown !== status)).toEqual([])
  })

  test('can be cached, and costs nothing to a client that has it', async () => {
    const first = await service.request('/openapi.json')
    expect(first.headers.get('content-type')).toBe('application/json')
    expect(first.headers.get('cache-control')).toBe('public, max-age=300')
    const again = await service.request('/openapi.json', {
      headers: { 'If-None-Match': first.headers.get('etag') ?? '' },
    })
    expect(again.status).toBe(304)
  })
})
