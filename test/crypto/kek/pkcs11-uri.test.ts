import { describe, expect, test } from 'vitest'
import { parsePkcs11Uri } from '../../../src/crypto/kek/pkcs11-uri.ts'

const module = 'module-path=/usr/lib/hsm.so'

describe('a PKCS #11 URI (RFC 7512)', () => {
  test('names module, token and key', () => {
    const uri =
      'token=The%20Software%20PKCS%2311;serial=12;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=kek-1;id=%01%ff;type=secret-key'
    expect(parsePkcs11Uri(`${uri}?${module}&pin-source=file:/etc/pin`)).toEqual({
      token: 'The Software PKCS#11',
      serial: '12',
      manufacturer: 'Snake Oil, Inc.',
      model: '1.0',
      label: 'kek-1',
      keyId: new Uint8Array([1, 255]),
      modulePath: '/usr/lib/hsm.so',
      pinFile: '/etc/pin',
    })
  })

  test('needs only a label and a module', () => {
    expect(parsePkcs11Uri(`object=kek?${module}`)).toMatchObject({
      label: 'kek',
      token: undefined,
      keyId: undefined,
      pinFile: undefined,
    })
  })

  test('percent-encoded UTF-8 is read as text', () => {
    expect(parsePkcs11Uri(`token=Schl%C3%BCssel;object=kek?${module}`)).toMatchObject({ token: 'Schlüssel' })
  })

  test.each(['file:///etc/pin', 'file:/etc/pin', '/etc/pin', '%2Fetc%2Fpin'])(
    'pin-source may be written %s',
    (source) => {
      expect(parsePkcs11Uri(`object=kek?${module}&pin-source=${source}`)).toMatchObject({ pinFile: '/etc/pin' })
    },
  )

  test.each([
    ['no label', `token=a?${module}`, 'object='],
    ['a label with a space', `object=my%20kek?${module}`, 'object='],
    ['a label with a dot', `object=my.kek?${module}`, 'object='],
    ['no module', 'object=kek', 'module-path='],
    ['a relative module', 'object=kek?module-path=hsm.so', 'module-path='],
    ['an unknown attribute', `object=kek;slot-id=1?${module}`, 'RFC 7512'],
    ['an attribute twice', `object=kek;object=kek?${module}`, 'RFC 7512'],
    ['a wrong escape', `object=kek;token=%4?${module}`, 'RFC 7512'],
    ['a raw space', `object=kek;token=a b?${module}`, 'RFC 7512'],
    ['a private key', `object=kek;type=private?${module}`, 'type=secret-key'],
    ['two question marks', `object=kek?${module}?x`, 'at most one ?'],
    ['a command for the PIN', `object=kek?${module}&pin-source=%7C/bin/pin`, 'pin-source='],
    ['nothing', '', 'object='],
  ])('%s is refused with an explanation', (_name, text, words) => {
    expect(parsePkcs11Uri(text)).toEqual({ fault: expect.stringContaining(words) })
  })

  test('a PIN in it is refused and not repeated', () => {
    const fault = parsePkcs11Uri(`object=kek?${module}&pin-value=8642`)
    expect(fault).toEqual({ fault: expect.stringContaining('MINTAGE_PKCS11_PIN') })
    expect(JSON.stringify(fault)).not.toContain('8642')
  })
})
