import { describe, expect, test } from 'vitest'
import { parseForm } from '../../src/oauth/form.ts'

describe('a form body', () => {
  test('returns each parameter decoded', () => {
    const form = parseForm('scope=orders%3Aread+orders%3Awrite&grant_type=client_credentials')
    expect(form.get('scope')).toBe('orders:read orders:write')
    expect(form.get('grant_type')).toBe('client_credentials')
  })

  test('with an empty value counts as without the parameter', () => {
    const form = parseForm('scope=&audience=', new Set(['audience']))
    expect(form.get('scope')).toBeUndefined()
    expect(form.all('audience')).toEqual([])
  })

  test.each([
    ['twice with two values', 'scope=a&scope=b'],
    ['twice with one value', 'scope=a&scope=a'],
    ['once empty and once not', 'scope=&scope=a'],
    ['spelled in two ways', 'scope=a&s%63ope=b'],
    ['that is unknown', 'x=1&x=2'],
  ])('with a parameter that comes %s is refused', (_, body) => {
    expect(() => parseForm(body)).toThrow('invalid_request')
  })

  test('keeps the order of a repeatable parameter', () => {
    const form = parseForm('resource=https://b.example&resource=https://a.example', new Set(['resource']))
    expect(form.all('resource')).toEqual(['https://b.example', 'https://a.example'])
  })

  test('treats names of object members like any other name', () => {
    const form = parseForm('__proto__=1&constructor=2&toString=3')
    expect(form.get('__proto__')).toBe('1')
    expect(form.get('hasOwnProperty')).toBeUndefined()
    expect(form.all('constructor')).toEqual([])
    expect(Object.prototype).not.toHaveProperty('1')
  })
})
