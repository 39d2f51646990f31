import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { checkResource, narrowAudience } from '../../src/oauth/audience.ts'
import { readClientCredential } from '../../src/oauth/client-credential.ts'
import { parseForm } from '../../src/oauth/form.ts'
import { narrowScope, parseScope } from '../../src/oauth/scope.ts'

const rules = { issuer: 'https://auth.example', defaultAudience: 'https://auth.example/api' }
const credential =
  (authorization: string | undefined, form = '', apiKey?: string) =>
  () =>
    readClientCredential({ authorization, apiKey }, parseForm(form))

function refusal(attempt: () => unknown): ServiceError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof ServiceError) return error
  }
  throw new Error('nothing was refused')
}

describe('a refusal tells the caller what to send instead', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a parameter that comes twice', () => parseForm('a=1&a=2'), /more than once/],
    ['two headers in one', credential('Bearer a, Bearer b'), /twice or holds a comma/],
    ['two keys in one header', credential(undefined, '', 'a,b'), /twice or holds a comma/],
    ['two credentials', credential('Bearer a', 'client_secret=b&client_id=c'), /exactly one credential/],
    ['a secret without its id', credential(undefined, 'client_secret=b'), /client_id is missing/],
    [
      'two ids',
      credential(`Basic ${btoa('key_1:s')}`, 'client_id=key_2'),
      /differs from the one in the Authorization header/,
    ],
    ['a malformed scope', () => parseScope('a  b'), /separated by one space/],
    ['more than the key holds', () => narrowScope(new Set(['b']), ['a']), /more than the API key holds/],
    ['a relative resource', () => checkResource('/api'), /absolute URI without a fragment/],
    [
      'the admin API beside another audience',
      () => narrowAudience([rules.issuer, 'billing'], { audiences: ['billing'], roles: ['admin'] }, rules),
      /cannot be combined/,
    ],
  ])('%s', (_, attempt, words) => {
    expect(refusal(attempt).detail).toMatch(words)
  })
})

describe('an unreadable credential is refused like a wrong one, and the log says why', () => {
  test.each<[string, string, string]>([
    ['an unsupported scheme', 'Digest abc', 'unsupported_scheme'],
    ['a scheme without a credential', 'Negotiate', 'unsupported_scheme'],
    ['nothing', '', 'unsupported_scheme'],
    ['Basic without credentials', 'Basic', 'malformed_basic'],
    ['Basic without a colon', `Basic ${btoa('key_1')}`, 'malformed_basic'],
    ['Basic without an id', `Basic ${btoa(':secret')}`, 'malformed_basic'],
    ['Basic with half an escape', `Basic ${btoa('key%:s')}`, 'malformed_basic'],
    ['Basic of 2,052 characters', `Basic ${btoa(`k:${'s'.repeat(1537)}`)}`, 'malformed_basic'],
    ['Basic with its padding in the middle', 'Basic QQ==QQ==', 'malformed_basic'],
  ])('%s', (_, authorization, reason) => {
    const { code, reason: why, detail } = refusal(credential(authorization))
    expect([code, why]).toEqual(['api_key_rejected', reason])
    expect(detail).not.toMatch(/scheme|basic/i)
  })
})

describe('a credential at the limits of the format', () => {
  test('Bearer without credentials is an empty secret, which no key has', () => {
    expect(credential('Bearer')()).toMatchObject({ method: 'bearer', secret: '' })
  })

  test('Basic may have an id of one letter, and 2,048 characters', () => {
    expect(credential(`Basic ${btoa('k:s')}`)()).toMatchObject({ clientId: 'k', secret: 's' })
    const longest = btoa(`k:${'s'.repeat(1534)}`)
    expect(longest.length).toBe(2048)
    expect(credential(`Basic ${longest}`)()).toMatchObject({ clientId: 'k' })
  })

  test('a plus in Basic is a space, and only where nothing is escaped it stays a letter', () => {
    expect(credential(`Basic ${btoa('k:a+b')}`)()).toMatchObject({ secret: 'a b' })
    expect(credential(`Basic ${btoa('k:+')}`)()).toMatchObject({ secret: ' ' })
    expect(credential(`Basic ${btoa('k:a%2Bb')}`)()).toMatchObject({ secret: 'a+b' })
    expect(credential(`Basic ${btoa('k:a b')}`)()).toMatchObject({ secret: 'a b' })
  })
})

describe('an audience', () => {
  test('that is the default may be requested by name', () => {
    expect(narrowAudience([rules.defaultAudience], { audiences: [], roles: [] }, rules)).toEqual([
      rules.defaultAudience,
    ])
  })

  test('that a role gives is only that of the admin API', () => {
    const admin = { audiences: [], roles: ['admin'] }
    expect(refusal(() => narrowAudience(['https://b.example'], admin, rules)).code).toBe('invalid_target')
    expect(narrowAudience([rules.issuer], admin, rules)).toEqual([rules.issuer])
  })
})
