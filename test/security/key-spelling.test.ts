import { beforeAll, describe, expect, test } from 'vitest'
import { apiKeyTokenType, form, oauthError, tokenExchangeGrant } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  key = await service.createKey()
})

const sent = (secret: string) =>
  form({ grant_type: tokenExchangeGrant, subject_token: secret, subject_token_type: apiKeyTokenType })
const posted = (secret: string) => form({ grant_type: 'client_credentials', client_id: key.id, client_secret: secret })

describe('A43 a key that is almost correct', () => {
  test.each<[string, (secret: string) => string]>([
    ['one character short', (secret) => secret.slice(0, -1)],
    ['one character long', (secret) => `${secret}0`],
    ['twice', (secret) => secret + secret],
    ['in upper case', (secret) => secret.toUpperCase()],
    ['in lower case', (secret) => secret.toLowerCase()],
    ['as a test key', (secret) => secret.replace('mk_live_', 'mk_test_')],
    ['without its prefix', (secret) => secret.slice('mk_live_'.length)],
    ['with another prefix', (secret) => secret.replace('mk_', 'xk_')],
    ['with a leading space', (secret) => ` ${secret}`],
    ['with a trailing space', (secret) => `${secret} `],
    ['with a trailing line break', (secret) => `${secret}\n`],
    ['with fullwidth letters', (secret) => secret.replace('mk', 'ｍｋ')],
    ['with a zero-width joiner', (secret) => `${secret.slice(0, 20)}\u200d${secret.slice(20)}`],
    [
      'with two characters swapped',
      (secret) => secret.slice(0, 20) + secret.charAt(21) + secret.charAt(20) + secret.slice(22),
    ],
    ['percent-encoded twice', (secret) => secret.replaceAll('_', '%5F')],
    ['in quotes', (secret) => `"${secret}"`],
  ])('is refused: %s', async (_, spell) => {
    const secret = spell(key.secret)
    if (secret === key.secret) return
    expect(await oauthError(await service.request('/token', posted(secret)))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
    expect(await oauthError(await service.request('/token', sent(secret)))).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
  })
})

describe('A44 a stored hash', () => {
  test('does not work as a key', async () => {
    const hash = await service.services.platform.sha256(key.secret)
    for (const secret of [hash, `mk_live_${hash}`, Buffer.from(hash, 'base64url').toString('hex')]) {
      expect(await oauthError(await service.request('/token', posted(secret)))).toMatchObject({
        status: 401,
        error: 'invalid_client',
      })
    }
  })

  test.each([
    ['a NUL after it', (secret: string) => `${secret}\0`],
    ['a NUL inside it', (secret: string) => `${secret.slice(0, 30)}\0${secret.slice(30)}`],
    ['what a length extension would append', (secret: string) => `${secret}\u0080\0\0\0&scope=admin`],
    ['bytes that are not UTF-8', (secret: string) => `${secret}\ufffd`],
    ['a lone surrogate', (secret: string) => `${secret}\ud800`],
    ['15,000 more characters', (secret: string) => secret + 'a'.repeat(15_000)],
  ])('does not match a key with %s', async (_, spell) => {
    expect(await oauthError(await service.request('/token', posted(spell(key.secret))))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
  })
})
