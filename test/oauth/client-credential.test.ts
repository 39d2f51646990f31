import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { readClientCredential } from '../../src/oauth/client-credential.ts'
import { parseForm } from '../../src/oauth/form.ts'

const none = { authorization: undefined, apiKey: undefined }
const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}`, apiKey: undefined })

describe('a client credential', () => {
  test('by Basic is read as an id and a secret: Base64 first, then form-decoded each', () => {
    expect(readClientCredential(basic('key%5F1:mk%5Flive+x'), parseForm(''))).toEqual({
      method: 'client_secret_basic',
      clientId: 'key_1',
      secret: 'mk_live x',
    })
  })

  test('by Basic may have colons in the secret', () => {
    expect(readClientCredential(basic('key_1:a:b'), parseForm(''))?.secret).toBe('a:b')
  })

  test.each(['basic', 'BASIC', 'bAsIc'])('by the scheme written %s is Basic', (scheme) => {
    const headers = { authorization: `${scheme} ${btoa('key_1:secret')}`, apiKey: undefined }
    expect(readClientCredential(headers, parseForm(''))?.method).toBe('client_secret_basic')
  })

  test.each([
    ['text that is not Base64', 'Basic ???'],
    ['spaces inside', `Basic ${btoa('key_1:s').slice(0, 4)} ${btoa('key_1:s').slice(4)}`],
    ['two spaces before it', `Basic  ${btoa('key_1:s')}`],
    ['an impossible length', 'Basic abcde'],
    ['nothing', 'Basic '],
    ['only the scheme', 'Basic'],
    ['no colon', `Basic ${btoa('key_1')}`],
    ['no client id', `Basic ${btoa(':secret')}`],
    ['broken percent encoding', `Basic ${btoa('key_1:%zz')}`],
    ['percent encoding that is not UTF-8', `Basic ${btoa('key_1:%ff')}`],
    ['the URL alphabet', 'Basic a2V5XzE6Pz8_'],
    ['an unsupported scheme', 'Digest username="key_1"'],
    ['100,000 characters', `Basic ${'A'.repeat(100_000)}`],
  ])('by Basic with %s is refused, and does not fail the service', (_, authorization) => {
    expect(() => readClientCredential({ authorization, apiKey: undefined }, parseForm(''))).toThrow('api_key_rejected')
  })

  test('in the form needs its client id', () => {
    expect(readClientCredential(none, parseForm('client_id=key_1&client_secret=s'))).toEqual({
      method: 'client_secret_post',
      clientId: 'key_1',
      secret: 's',
    })
    expect(() => readClientCredential(none, parseForm('client_secret=s'))).toThrow('invalid_request')
  })

  test('by Bearer or X-API-Key includes the client id of the form', () => {
    expect(
      readClientCredential({ authorization: 'Bearer s', apiKey: undefined }, parseForm('client_id=key_1')),
    ).toEqual({
      method: 'bearer',
      clientId: 'key_1',
      secret: 's',
    })
    expect(readClientCredential({ authorization: undefined, apiKey: 's' }, parseForm(''))).toEqual({
      method: 'api_key_header',
      clientId: undefined,
      secret: 's',
    })
  })

  test('is undefined if missing, but not if empty', () => {
    expect(readClientCredential(none, parseForm('client_id=key_1'))).toBeUndefined()
    expect(readClientCredential({ authorization: undefined, apiKey: '' }, parseForm(''))?.secret).toBe('')
  })

  test.each([
    ['Basic and the form', basic('key_1:s'), 'client_id=key_1&client_secret=s'],
    ['Bearer and X-API-Key', { authorization: 'Bearer s', apiKey: 's' }, ''],
    ['X-API-Key and the form', { authorization: undefined, apiKey: 's' }, 'client_id=key_1&client_secret=s'],
    ['an empty X-API-Key and Basic', { authorization: basic('key_1:s').authorization, apiKey: '' }, ''],
  ])('is refused when it comes by %s, even if they agree', (_, headers, body) => {
    expect(() => readClientCredential(headers, parseForm(body))).toThrow('invalid_request')
  })

  test.each([
    ['two Authorization lines', { authorization: 'Bearer a, Basic b', apiKey: undefined }],
    ['two X-API-Key lines', { authorization: undefined, apiKey: 'a, b' }],
  ])('is refused when %s arrive joined by a comma', (_, headers) => {
    expect(() => readClientCredential(headers, parseForm(''))).toThrow('invalid_request')
  })

  test('by Basic with another client id in the form is refused', () => {
    expect(() => readClientCredential(basic('key_1:s'), parseForm('client_id=key_2'))).toThrow('invalid_request')
    expect(readClientCredential(basic('key_1:s'), parseForm('client_id=key_1'))?.clientId).toBe('key_1')
  })

  test('never appears in an error', () => {
    const secret = 'mk_live_planted'
    const attempts = [
      () => readClientCredential({ authorization: `Bearer ${secret}`, apiKey: secret }, parseForm('')),
      () => readClientCredential({ authorization: `Digest ${secret}`, apiKey: undefined }, parseForm('')),
      () => readClientCredential(basic(`${secret}%zz:x`), parseForm('')),
    ]
    for (const attempt of attempts) {
      const error = thrownBy(attempt)
      expect(`${error.message} ${error.detail} ${error.reason} ${error.cause}`).not.toContain(secret)
    }
  })
})

function thrownBy(attempt: () => unknown): ServiceError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
