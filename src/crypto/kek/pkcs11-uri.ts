/** The attributes of a PKCS #11 URI (RFC 7512) for one key. Path attributes must match; undefined matches anything. */
export type Pkcs11Uri = {
  /** `object`: the label of the key, which becomes the id of the KEK. */
  readonly label: string
  /** `id`: CKA_ID. */
  readonly keyId: Uint8Array | undefined
  readonly token: string | undefined
  readonly serial: string | undefined
  readonly manufacturer: string | undefined
  readonly model: string | undefined
  /** `module-path`: the library of the token's vendor. */
  readonly modulePath: string
  /** `pin-source`: absolute path of a file. */
  readonly pinFile: string | undefined
}

const pathAttributes = ['token', 'serial', 'manufacturer', 'model', 'object', 'id', 'type']
const queryAttributes = ['module-path', 'pin-source']

/**
 * Reads the text after `pkcs11:`. If something is wrong, returns a text that does not repeat any of the URI. Unknown
 * attributes are refused, not ignored, because they may distinguish two keys. Also refuses a PIN in the URI
 * (`pin-value`) and a command as `pin-source`.
 */
export function parsePkcs11Uri(written: string): Pkcs11Uri | { fault: string } {
  const [path = '', query = '', ...rest] = written.split('?')
  if (rest.length > 0) return { fault: 'must be a PKCS #11 URI with at most one ?' }
  if (/(^|&)pin-value=/.test(query))
    return { fault: 'must not contain pin-value: give the PIN by pin-source or MINTAGE_PKCS11_PIN' }
  const inPath = readAttributes(path, ';', pathAttributes)
  const inQuery = readAttributes(query, '&', queryAttributes)
  if (!inPath || !inQuery) {
    const known = [...pathAttributes, ...queryAttributes].join(', ')
    return { fault: `must be a PKCS #11 URI (RFC 7512) with only these attributes, each at most once: ${known}` }
  }
  const label = inPath.get('object') ?? ''
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(label)) {
    return {
      fault:
        'must name the key by object=, its label: 1 to 64 letters, digits, - and _, which become the id of the KEK',
    }
  }
  if (![undefined, 'secret-key'].includes(inPath.get('type')))
    return { fault: 'must name a key with type=secret-key, or none' }
  const modulePath = inQuery.get('module-path') ?? ''
  if (!modulePath.startsWith('/'))
    return { fault: 'must name the library of the token by module-path=, an absolute path, after the ?' }
  const pinSource = inQuery.get('pin-source')
  const pinFile = pinSource?.replace(/^file:(\/\/)?(?=\/)/, '')
  if (pinFile !== undefined && !pinFile.startsWith('/'))
    return { fault: 'must name a file by pin-source=, as file:/path' }
  const keyId = inPath.get('id')
  return {
    label,
    keyId: keyId === undefined ? undefined : Uint8Array.from(keyId, (character) => character.charCodeAt(0)),
    token: text(inPath.get('token')),
    serial: text(inPath.get('serial')),
    manufacturer: text(inPath.get('manufacturer')),
    model: text(inPath.get('model')),
    modulePath: text(modulePath) ?? modulePath,
    pinFile: text(pinFile),
  }
}

/**
 * Values as binary strings, one character per byte (`id` is not text). Undefined if malformed, or if an attribute is
 * unknown or repeated.
 */
function readAttributes(written: string, separator: string, known: readonly string[]): Map<string, string> | undefined {
  const attributes = new Map<string, string>()
  for (const part of written === '' ? [] : written.split(separator)) {
    const [, name = '', value = ''] =
      /^([a-z-]+)=((?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&/|]|%[0-9A-Fa-f]{2})*)$/.exec(part) ?? []
    if (!known.includes(name) || attributes.has(name)) return undefined
    attributes.set(
      name,
      value.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
  }
  return attributes
}

/** Decodes the bytes as UTF-8. */
function text(bytes: string | undefined): string | undefined {
  if (bytes === undefined) return undefined
  return new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)))
}
