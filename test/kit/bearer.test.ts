import { describe, expect, test } from 'vitest'
import { hasAccessTokenInQuery, readBearer } from '../../src/kit/bearer.ts'

const read = (authorization: string | undefined) =>
  readBearer({ get: (name) => (name === 'authorization' ? authorization : undefined) })

describe('readBearer', () => {
  test.each([
    ['Bearer abc.def-_~+/==', 'abc.def-_~+/=='],
    ['bearer x', 'x'],
    ['BEARER x', 'x'],
    ['bEaReR x', 'x'],
  ])('%j carries a token', (header, token) => {
    expect(read(header)).toEqual({ kind: 'token', token })
  })

  test.each([[undefined], [''], ['Basic YTpi'], ['Bearerx y'], ['Bearer\tx'], ['DPoP abc'], ['abc']])(
    '%j carries no Bearer token',
    (header) => {
      expect(read(header)).toEqual({ kind: 'none' })
    },
  )

  test.each([
    ['Bearer'],
    ['Bearer '],
    ['Bearer  x'],
    ['Bearer x y'],
    ['Bearer x '],
    ['Bearer x\ty'],
    ['Bearer \tx'],
    ['Bearer x, Bearer y'],
    ['Basic YTpi, Bearer x'],
    ['Bearer x, Basic YTpi'],
    ['Bearer ,'],
  ])('%j is malformed', (header) => {
    expect(read(header).kind).toBe('malformed')
  })

  test('the format of the token is left to the verifier', () => {
    for (const token of ['x=y', '"x"', 'é', '='.repeat(1_000_000)])
      expect(read(`Bearer ${token}`)).toEqual({ kind: 'token', token })
  })
})

describe('hasAccessTokenInQuery', () => {
  test.each([
    ['https://api.example/orders?access_token=x'],
    ['https://api.example/orders?a=b&access_token='],
    ['https://api.example/orders?access%5Ftoken=x'],
    ['https://api.example/orders?%61ccess_token=x'],
  ])('finds it in %s', (url) => {
    expect(hasAccessTokenInQuery(url)).toBe(true)
  })

  test.each([
    ['https://api.example/orders'],
    ['https://api.example/access_token'],
    ['https://api.example/orders?q=access_token'],
    ['https://api.example/orders?my_access_token=x'],
    ['https://api.example/orders?q=100%'],
  ])('finds none in %s', (url) => {
    expect(hasAccessTokenInQuery(url)).toBe(false)
  })
})
