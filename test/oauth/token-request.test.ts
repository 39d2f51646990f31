import { describe, expect, test } from 'vitest'
import { apiKeyTokenType, readTokenRequest, tokenExchangeGrant } from '../../src/oauth/token-request.ts'

const bearer = { authorization: 'Bearer s', apiKey: undefined }
const none = { authorization: undefined, apiKey: undefined }
const clientSecret = 'client_id=key_1&client_secret=s'
const exchange = new URLSearchParams({
  grant_type: tokenExchangeGrant,
  subject_token: 's',
  subject_token_type: apiKeyTokenType,
}).toString()

describe('a token request', () => {
  test('is only a header in its shortest form', () => {
    expect(readTokenRequest(bearer, '')).toEqual({
      grantType: 'client_credentials',
      credential: { method: 'bearer', secret: 's', clientId: undefined },
      scopes: undefined,
      audiences: [],
      client: undefined,
      expiresInSeconds: undefined,
      issuedTokenType: undefined,
    })
  })

  test('may request scopes, audiences, resources and a lifetime', () => {
    const body = 'scope=b+a+b&audience=one&resource=https%3A%2F%2Ftwo.example&audience=three&expires_in=60&colour=blue'
    expect(readTokenRequest(bearer, body)).toMatchObject({
      scopes: new Set(['b', 'a']),
      audiences: ['one', 'three', 'https://two.example'],
      expiresInSeconds: 60,
    })
  })

  test.each([
    ['a form credential', none, clientSecret],
    ['Basic', { authorization: `Basic ${btoa('key_1:s')}`, apiKey: undefined }, ''],
    ['no credential', none, ''],
  ])('with %s needs its grant_type', (_, headers, body) => {
    expect(() => readTokenRequest(headers, body)).toThrow('invalid_request')
  })

  test.each(['password', 'refresh_token', 'authorization_code', 'CLIENT_CREDENTIALS', 'constructor'])(
    'of the grant type %s is refused',
    (grantType) => {
      expect(() => readTokenRequest(bearer, `grant_type=${grantType}`)).toThrow('unsupported_grant_type')
    },
  )

  test('without any credential is unauthenticated', () => {
    expect(() => readTokenRequest(none, 'grant_type=client_credentials')).toThrow('unauthenticated')
    expect(() => readTokenRequest(none, 'grant_type=client_credentials&client_id=key_1')).toThrow('unauthenticated')
  })

  test('does not accept a subject token for another grant', () => {
    expect(() => readTokenRequest(none, 'grant_type=client_credentials&subject_token=s')).toThrow('unauthenticated')
    expect(() => readTokenRequest(bearer, 'subject_token=s')).toThrow('invalid_request')
    const both = `grant_type=client_credentials&${clientSecret}&subject_token=s`
    expect(() => readTokenRequest(none, both)).toThrow('invalid_request')
  })

  test.each(['0', '-1', '1.5', '1e3', ' 60', '0x10', '007', '٣', 'soon'])(
    'with the lifetime %s is refused',
    (expiresIn) => {
      expect(() => readTokenRequest(bearer, `expires_in=${encodeURIComponent(expiresIn)}`)).toThrow('invalid_request')
    },
  )

  test('may request any positive lifetime, however long', () => {
    expect(readTokenRequest(bearer, `expires_in=${'9'.repeat(400)}`).expiresInSeconds).toBe(Number.POSITIVE_INFINITY)
  })

  describe('by token exchange', () => {
    test('carries the key as its subject token', () => {
      expect(readTokenRequest(none, exchange)).toMatchObject({
        grantType: tokenExchangeGrant,
        credential: { method: 'subject_token', secret: 's' },
        issuedTokenType: 'urn:ietf:params:oauth:token-type:access_token',
      })
    })

    test.each([
      ['Basic', { authorization: `Basic ${btoa('key_1:t')}`, apiKey: undefined }, exchange, 'client_secret_basic'],
      ['the form', none, `${exchange}&client_id=key_1&client_secret=t`, 'client_secret_post'],
    ])('carries the client that authenticates by %s beside it', (_, headers, body, method) => {
      expect(readTokenRequest(headers, body)).toMatchObject({
        credential: { method: 'subject_token', secret: 's', clientId: undefined },
        client: { method, secret: 't', clientId: 'key_1' },
      })
    })

    test('takes the client id of a client that does not authenticate', () => {
      expect(readTokenRequest(none, `${exchange}&client_id=key_1`)).toMatchObject({
        credential: { clientId: 'key_1' },
        client: undefined,
      })
    })

    test.each([
      ['without a subject token', none, `grant_type=${tokenExchangeGrant}&subject_token_type=${apiKeyTokenType}`],
      ['with a key in the header instead of a subject token', bearer, `grant_type=${tokenExchangeGrant}`],
      ['without a subject token type', none, `grant_type=${tokenExchangeGrant}&subject_token=s`],
      ['with an unknown subject token type', none, exchange.replace('api-key', 'other')],
      ['with an actor token', none, `${exchange}&actor_token=a&actor_token_type=b`],
      ['with an actor token and no type', none, `${exchange}&actor_token=a`],
      ['with an actor token type and no token', none, `${exchange}&actor_token_type=a`],
      [
        'with an unknown requested token type',
        none,
        `${exchange}&requested_token_type=urn:ietf:params:oauth:token-type:saml2`,
      ],
      ['with a Bearer header', bearer, exchange],
      ['with X-API-Key', { authorization: undefined, apiKey: 's' }, exchange],
    ])('%s is an invalid request', (_, headers, body) => {
      expect(() => readTokenRequest(headers, body)).toThrow('invalid_request')
    })
  })
})
