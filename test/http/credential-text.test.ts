import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { containsCredential } from '../../src/http/credential-text.ts'

const issuer = 'https://auth.example'
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (payload: object, header: object = { alg: 'ES256', kid: 'k'.repeat(43), typ: 'at+jwt' }) =>
  `${encoded(header)}.${encoded({ iat: 1_790_000_000, ...payload })}.${'A'.repeat(86)}`

const escapedBy = (text: string, write: (code: string) => string) =>
  [...text].map((character) => write(character.charCodeAt(0).toString(16).padStart(2, '0'))).join('')

const spellings: [string, (credential: string) => string][] = [
  ['as it is', (text) => text],
  ['in a sentence', (text) => `leaked: ${text}, see ticket`],
  ['as a file name', (text) => `token-${text}.txt`],
  ['after a name and an underscore', (text) => `access_token_${text}`],
  ['glued to other letters', (text) => `abc${text}xyz`],
  ['after something that only looks like a key', (text) => `xx_live_${'A'.repeat(47)}${text}`],
  ['as JSON in JSON', (text) => JSON.stringify({ a: JSON.stringify({ b: text }) })],
  ['percent-encoded', (text) => escapedBy(text, (code) => `%${code}`)],
  ['percent-encoded twice', (text) => escapedBy(text, (code) => `%25${code}`)],
  ['partly percent-encoded', (text) => text.replaceAll('_', '%5F').replaceAll('.', '%2E')],
  ['beside wrong escapes', (text) => `100%, %zz ${text.replaceAll('_', '%5f').replaceAll('.', '%2e')}`],
  ['escaped as in JSON', (text) => escapedBy(text, (code) => `\\u00${code}`)],
  ['escaped as in JSON twice', (text) => escapedBy(text, (code) => `\\\\u00${code}`)],
  ['in Base64, as HTTP Basic', (text) => `Authorization: Basic ${btoa(`key_1:${text}`)}`],
  ['in Base64, glued to a letter', (text) => `x${btoa(text)}`],
]

describe('a credential is found in a text', () => {
  test.each(spellings)('%s', (_, spell) => {
    for (const key of [generateApiKey('live'), generateApiKey('test', 'ab'), generateApiKey('live', 'p'.repeat(16))]) {
      expect(containsCredential(spell(key), issuer), spell(key)).toBe(true)
    }
    for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT']) {
      expect(containsCredential(spell(token({ iss: issuer }, { alg: 'ES256', kid: 'k', typ })), issuer)).toBe(true)
    }
  })
})

describe('no credential is found in', () => {
  const key = generateApiKey('live')
  test.each([
    ['a key with one other character', `${key.slice(0, 20)}${key[20] === 'a' ? 'b' : 'a'}${key.slice(21)}`],
    ['a key that is cut off', key.slice(0, -1)],
    ['a token of another issuer', token({ iss: 'https://other.example' })],
    ['another kind of token', token({ iss: issuer }, { alg: 'ES256', typ: 'JWT' })],
    ['a token without its third part', token({ iss: issuer }).split('.').slice(0, 2).join('.')],
    [
      'plain words',
      'the test_ and live_ environments: orders.example/v1.2.3 says 100% of _live_ traffic, \\u0041'.repeat(3),
    ],
    ['random Base64', `sha256-${'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'.repeat(4)}`],
  ])('%s', (_, text) => {
    expect(containsCredential(text, issuer)).toBe(false)
  })

  test('a very long text of what credentials are made of', () => {
    const part = `${'ey'.repeat(2000)}.`
    for (const long of [part.repeat(200), `_live_${'a'.repeat(49)}`.repeat(15_000), '%5F\\u005F'.repeat(80_000)]) {
      expect(containsCredential(long, issuer)).toBe(false)
    }
  })
})
