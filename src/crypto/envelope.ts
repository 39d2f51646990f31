import { aeadOpen, aeadSeal, importAeadKey } from './aead.ts'
import { decodeBase64Url, encodeBase64Url } from './base64.ts'
import { parseKek } from './kek/raw.ts'

/** Where a sealed value belongs. All of it is associated data: an envelope moved to another row, column or version does not open. */
export type SealContext = {
  readonly purpose: string
  readonly table: string
  readonly id: string
  readonly version: number
  readonly algorithm: string
}

export type KeyEncryption = {
  /** Seals with a fresh data key, wrapped by the first KEK. */
  seal(plaintext: string, context: SealContext): Promise<string>
  /** Throws `EnvelopeError`; its text holds neither the envelope nor the plaintext. */
  open(envelope: string, context: SealContext): Promise<string>
  /** Ids of the KEKs at hand, the sealing one first. */
  readonly kekIds: readonly string[]
}

/** A key-encryption key: wraps data keys and never sees what they seal. */
export type Kek = {
  /** Stands in each envelope, in the alphabet of base64url; says nothing about the key. */
  readonly id: string
  wrap(dataKey: Uint8Array<ArrayBuffer>, associatedData: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** Undefined when the wrapped key is not authentic. */
  unwrap(wrapped: Uint8Array<ArrayBuffer>, associatedData: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** `kek_missing`: nothing is wrong with the envelope, but the KEK that it names is not configured. */
export type EnvelopeErrorCode = 'kek_missing' | 'malformed' | 'not_authentic'

export class EnvelopeError extends Error {
  readonly code: EnvelopeErrorCode
  /** The KEK that the envelope names; undefined when it is malformed. */
  readonly kekId: string | undefined
  constructor(code: EnvelopeErrorCode, message: string, kekId?: string) {
    super(message)
    this.name = 'EnvelopeError'
    this.code = code
    this.kekId = kekId
  }
}

export type KeyEncryptionOptions = {
  /** `raw:<base64 of 32 bytes>` or `file:<path>` of a file that holds such a text: seals and opens. */
  readonly kek: string
  /** The same forms: these only open. */
  readonly previousKeks?: readonly string[]
  /** Gives a file's text. Absent where there are no files: `file:` is refused then. */
  readonly readFile?: (path: string) => Promise<string>
}

/**
 * Envelope encryption: AES-256-GCM with a data key (DEK) an envelope, the data key wrapped by a KEK whose id stands in the envelope.
 * Throws an Error that never holds key text when a KEK cannot be read.
 */
export async function createKeyEncryption({ kek, previousKeks = [], readFile }: KeyEncryptionOptions): Promise<KeyEncryption> {
  const sealing = await parseKek(kek, readFile)
  const previous = await Promise.all(previousKeks.map((text) => parseKek(text, readFile)))
  const keks = new Map([sealing, ...previous].map((each) => [each.id, each]))
  const kekIds = Object.freeze([...keks.keys()])
  return {
    kekIds,
    seal: (plaintext, context) => seal(sealing, plaintext, context),
    open: (envelope, context) => open(keks, envelope, context),
  }
}

const form = 'mintage1'
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `mintage1.<KEK id>.<wrapped data key>.<sealed plaintext>`, the last two base64url. */
async function seal(kek: Kek, plaintext: string, context: SealContext): Promise<string> {
  const dataKey = crypto.getRandomValues(new Uint8Array(32))
  const wrapped = await kek.wrap(dataKey, associatedData('data-key', kek.id, context))
  const key = await importAeadKey(dataKey)
  dataKey.fill(0)
  const sealed = await aeadSeal(key, encoder.encode(plaintext), associatedData('plaintext', kek.id, context))
  return [form, kek.id, encodeBase64Url(wrapped), encodeBase64Url(sealed)].join('.')
}

async function open(keks: ReadonlyMap<string, Kek>, envelope: string, context: SealContext): Promise<string> {
  const place = `${context.table} ${context.id}`
  const parts = envelope.split('.')
  const [start, kekId, wrapped, sealed] = [parts[0], parts[1], decodeBase64Url(parts[2] ?? ''), decodeBase64Url(parts[3] ?? '')]
  if (parts.length !== 4 || start !== form || !kekId || !/^[A-Za-z0-9_-]{1,128}$/.test(kekId) || !wrapped || !sealed) {
    throw new EnvelopeError('malformed', `the envelope of ${place} is malformed`)
  }
  const kek = keks.get(kekId)
  if (!kek) throw new EnvelopeError('kek_missing', missingKekText(place, kekId, [...keks.keys()]), kekId)
  const dataKey = await kek.unwrap(wrapped, associatedData('data-key', kekId, context))
  if (dataKey?.length !== 32) throw notAuthentic(place, kekId)
  const key = await importAeadKey(dataKey)
  dataKey.fill(0)
  const plaintext = await aeadOpen(key, sealed, associatedData('plaintext', kekId, context))
  if (!plaintext) throw notAuthentic(place, kekId)
  return decoder.decode(plaintext)
}

function missingKekText(place: string, wanted: string, configured: readonly string[]): string {
  return `${place} was sealed with the KEK ${wanted}, which is not configured (configured: ${configured.join(', ')}): set it as MINTAGE_KEK, or as MINTAGE_KEK_PREVIOUS when another one seals now`
}

function notAuthentic(place: string, kekId: string): EnvelopeError {
  return new EnvelopeError(
    'not_authentic',
    `the envelope of ${place}, sealed with the KEK ${kekId}, was damaged or belongs elsewhere`,
    kekId,
  )
}

/** A JSON array: no two contexts share a spelling, whatever characters their members hold. */
function associatedData(part: 'data-key' | 'plaintext', kekId: string, { purpose, table, id, version, algorithm }: SealContext) {
  return encoder.encode(JSON.stringify([form, part, kekId, purpose, table, id, version, algorithm]))
}
