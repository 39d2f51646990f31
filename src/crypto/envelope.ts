import { encodeBase64url, readBase64url } from '../kit/base64url.ts'
import { aeadOpen, aeadSeal, importAeadKey } from './aead.ts'
import { isKekId, type Kek, type KekProvider, type KekSource } from './kek/kek.ts'
import { rawKek } from './kek/raw.ts'

/**
 * Where a sealed value belongs. All of it is associated data: an envelope that is moved to another row, column or
 * version cannot be opened.
 */
export type SealContext = {
  readonly purpose: string
  readonly table: string
  readonly id: string
  readonly version: number
  readonly algorithm: string
}

export type KeyEncryption = {
  /**
   * Seals with a fresh data key, wrapped by the sealing KEK. Throws `kek_unavailable` when that KEK does not answer.
   */
  seal(plaintext: string, context: SealContext): Promise<string>
  /** Throws `EnvelopeError`, whose text contains neither the envelope nor the plaintext, and `kek_unavailable`. */
  open(envelope: string, context: SealContext): Promise<string>
  /**
   * Returns an envelope with the same content under the sealing KEK, or the same envelope if that KEK already sealed
   * it. Checks that the envelope opens. Throws like `open` and `seal`.
   */
  rewrap(envelope: string, context: SealContext): Promise<string>
  /** Id of the KEK that seals. */
  sealingKekId(): Promise<string>
  /** Whether a configured KEK has the id. Does not check that it answers. */
  holds(kekId: string): Promise<boolean>
  /** Ids of the configured KEKs, the sealing one first. A passphrase has an id only once a salt is known. */
  readonly kekIds: readonly string[]
}

/** `kek_missing`: the envelope may be fine, but the KEK that it names is not configured. */
type EnvelopeErrorCode = 'kek_missing' | 'malformed' | 'not_authentic'

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

/** Keyed by the word before the colon in the configured text. */
export type KekProviders = Readonly<Record<string, KekProvider>>

type KeyEncryptionOptions = {
  /** `raw:<base64 of 32 bytes>`, or the form of another provider. This KEK seals and opens. */
  readonly kek: string
  /** In the same forms. These KEKs only open. */
  readonly previousKeks?: readonly string[]
  /** The providers that the platform supports. Default: only `raw`. */
  readonly providers?: KekProviders
}

/**
 * Envelope encryption: AES-256-GCM with one data key (DEK) per envelope, wrapped by a KEK whose id is in the envelope.
 * Throws if a KEK cannot be created. The error never contains key text.
 *
 * @example
 * ```ts
 * import { createKeyEncryption } from 'mintage'
 *
 * export const keyEncryption = await createKeyEncryption({ kek: process.env.MINTAGE_KEK ?? '' })
 * ```
 */
export async function createKeyEncryption({
  kek,
  previousKeks = [],
  providers,
}: KeyEncryptionOptions): Promise<KeyEncryption> {
  const written = [...new Set([kek, ...previousKeks])]
  const [sealing, ...previous] = await Promise.all(written.map((text) => kekSource(text, providers ?? { raw: rawKek })))
  if (!sealing) throw new TypeError('no KEK is configured')
  const sources = [sealing, ...previous]
  refuseOneNameForTwo(sources)
  const keys: Keys = {
    sealing: () => sealing.sealing(),
    find: (id) => findKek(sources, id),
    ids: () => knownIds(sources),
  }
  return {
    seal: (plaintext, context) => seal(keys, plaintext, context),
    open: (envelope, context) => open(keys, envelope, context),
    rewrap: (envelope, context) => rewrap(keys, envelope, context),
    sealingKekId: async () => (await sealing.sealing()).id,
    holds: async (id) =>
      await findKek(sources, id).then(
        (kek) => kek !== undefined,
        () => false,
      ),
    get kekIds() {
      return knownIds(sources)
    },
  }
}

/** The id of the KEK that the envelope names; undefined when it is malformed. */
export function kekIdOf(envelope: string): string | undefined {
  return parseEnvelope(envelope)?.kekId
}

type Keys = { sealing(): Promise<Kek>; find(id: string): Promise<Kek | undefined>; ids(): readonly string[] }

async function kekSource(text: string, providers: KekProviders): Promise<KekSource> {
  const name = Object.keys(providers).find((each) => text.startsWith(`${each}:`))
  const provider = name === undefined ? undefined : providers[name]
  if (name === undefined || !provider) {
    const supported = Object.keys(providers).map((each) => `${each}:`)
    throw new Error(`on this platform, a KEK must begin with ${supported.join(', ').replace(/, (?=[^,]*$)/, ' or ')}`)
  }
  return await provider(text.slice(name.length + 1))
}

/**
 * People choose the names of keys in a PKCS #11 token, so two keys can have the same name. The id of a raw key is a
 * hash, so equal ids mean the same key.
 */
function refuseOneNameForTwo(sources: readonly KekSource[]): void {
  const ids = sources.flatMap((source) => source.ids).filter((id) => id.startsWith('pkcs11:'))
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice)
    throw new Error(
      `two KEKs are named ${twice}: give each key of a token a different label, and configure each KEK once`,
    )
}

async function findKek(sources: readonly KekSource[], id: string): Promise<Kek | undefined> {
  for (const source of sources) {
    const kek = await source.find(id)
    if (kek) return kek
  }
  return undefined
}

function knownIds(sources: readonly KekSource[]): readonly string[] {
  return [...new Set(sources.flatMap(({ ids }) => ids))]
}

/**
 * In the second form, the sealed plaintext does not depend on the KEK. Changing the KEK only wraps the data key again.
 */
const form = 'mintage2'
const firstForm = 'mintage1'
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Parts = {
  readonly form: string
  readonly kekId: string
  readonly wrapped: Uint8Array<ArrayBuffer>
  readonly sealed: Uint8Array<ArrayBuffer>
}

type OpenParts = Parts & { readonly dataKey: Uint8Array<ArrayBuffer>; readonly plaintext: Uint8Array<ArrayBuffer> }

/** `mintage2.<KEK id>.<wrapped data key>.<sealed plaintext>`, the last two base64url. */
async function seal(keys: Keys, plaintext: string, context: SealContext): Promise<string> {
  const dataKey = crypto.getRandomValues(new Uint8Array(32))
  const start = await wrapDataKey(await keys.sealing(), dataKey, context)
  const key = await importAeadKey(dataKey)
  dataKey.fill(0)
  const sealed = await aeadSeal(key, encoder.encode(plaintext), plaintextPlace(form, '', context))
  return `${start}.${encodeBase64url(sealed)}`
}

async function open(keys: Keys, envelope: string, context: SealContext): Promise<string> {
  const { dataKey, plaintext } = await openParts(keys, envelope, context)
  dataKey.fill(0)
  return decoder.decode(plaintext)
}

async function rewrap(keys: Keys, envelope: string, context: SealContext): Promise<string> {
  const { form: used, kekId, dataKey, plaintext, sealed } = await openParts(keys, envelope, context)
  try {
    if (used === firstForm) return await seal(keys, decoder.decode(plaintext), context)
    const kek = await keys.sealing()
    return kek.id === kekId ? envelope : `${await wrapDataKey(kek, dataKey, context)}.${encodeBase64url(sealed)}`
  } finally {
    dataKey.fill(0)
  }
}

async function openParts(keys: Keys, envelope: string, context: SealContext): Promise<OpenParts> {
  const place = `${context.table} ${context.id}`
  const parts = parseEnvelope(envelope)
  if (!parts) throw new EnvelopeError('malformed', `the envelope of ${place} is malformed`)
  const { kekId } = parts
  const kek = await keys.find(kekId)
  if (!kek) throw new EnvelopeError('kek_missing', missingKekText(place, kekId, keys.ids()), kekId)
  const dataKey = await kek.unwrap(parts.wrapped, dataKeyPlace(parts.form, kekId, context))
  if (dataKey?.length !== 32) throw notAuthentic(place, kekId)
  const plaintext = await aeadOpen(
    await importAeadKey(dataKey),
    parts.sealed,
    plaintextPlace(parts.form, kekId, context),
  )
  if (!plaintext) throw notAuthentic(place, kekId)
  return { ...parts, dataKey, plaintext }
}

function parseEnvelope(envelope: string): Parts | undefined {
  const [start, kekId, ...rest] = envelope.split('.')
  const [wrapped, sealed] = [readBase64url(rest[0] ?? ''), readBase64url(rest[1] ?? '')]
  if ((start !== form && start !== firstForm) || !kekId || !isKekId(kekId) || rest.length !== 2 || !wrapped || !sealed)
    return undefined
  return { form: start, kekId, wrapped, sealed }
}

async function wrapDataKey(kek: Kek, dataKey: Uint8Array<ArrayBuffer>, context: SealContext): Promise<string> {
  const wrapped = await kek.wrap(dataKey, dataKeyPlace(form, kek.id, context))
  return [form, kek.id, encodeBase64url(wrapped)].join('.')
}

function dataKeyPlace(used: string, kekId: string, context: SealContext) {
  return encoder.encode(JSON.stringify([used, 'data-key', kekId, ...placeOf(context)]))
}

function plaintextPlace(used: string, kekId: string, context: SealContext) {
  return encoder.encode(
    JSON.stringify([used, 'plaintext', ...(used === firstForm ? [kekId] : []), ...placeOf(context)]),
  )
}

/** Encoded as a JSON array, so that two contexts never have the same encoding, whatever characters they contain. */
function placeOf({ purpose, table, id, version, algorithm }: SealContext) {
  return [purpose, table, id, version, algorithm]
}

function missingKekText(place: string, wanted: string, configured: readonly string[]): string {
  const known = configured.join(', ') || 'a different passphrase'
  return `${place} was sealed with the KEK ${wanted}, which is not configured (configured: ${known}): set it as MINTAGE_KEK, or as MINTAGE_KEK_PREVIOUS if another one seals now`
}

function notAuthentic(place: string, kekId: string): EnvelopeError {
  return new EnvelopeError(
    'not_authentic',
    `the envelope of ${place}, sealed with the KEK ${kekId}, is damaged or belongs to another row`,
    kekId,
  )
}
