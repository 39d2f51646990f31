import { encodeBase64url, readBase64url } from '../kit/base64url.ts'
import { aeadOpen, aeadSeal, importAeadKey } from './aead.ts'
import { isKekId, type Kek, type KekProvider, type KekSource } from './kek/kek.ts'
import { rawKek } from './kek/raw.ts'

/** Where a sealed value belongs. All of it is associated data: an envelope moved to another row, column or version does not open. */
export type SealContext = {
  readonly purpose: string
  readonly table: string
  readonly id: string
  readonly version: number
  readonly algorithm: string
}

export type KeyEncryption = {
  /** Seals with a fresh data key, wrapped by the first KEK. Throws `kek_unavailable` when that one does not answer. */
  seal(plaintext: string, context: SealContext): Promise<string>
  /** Throws `EnvelopeError`, whose text holds neither the envelope nor the plaintext, and `kek_unavailable`. */
  open(envelope: string, context: SealContext): Promise<string>
  /** What the envelope holds, under the sealing KEK: the envelope itself when it is so already. Checks that it opens. Throws as `open` and `seal` do. */
  rewrap(envelope: string, context: SealContext): Promise<string>
  /** Id of the KEK that seals. */
  sealingKekId(): Promise<string>
  /** Whether one of the KEKs at hand has the id; does not ask whether it answers. */
  holds(kekId: string): Promise<boolean>
  /** Ids of the KEKs at hand, the sealing one first. A passphrase is named once a salt was met. */
  readonly kekIds: readonly string[]
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

/** By the word before the colon of a written KEK. */
export type KekProviders = Readonly<Record<string, KekProvider>>

export type KeyEncryptionOptions = {
  /** `raw:<base64 of 32 bytes>`, or what another provider reads: seals and opens. */
  readonly kek: string
  /** The same forms: these only open. */
  readonly previousKeks?: readonly string[]
  /** Those that the platform has; only `raw` unless told. */
  readonly providers?: KekProviders
}

/**
 * Envelope encryption: AES-256-GCM with a data key (DEK) an envelope, the data key wrapped by a KEK whose id stands in the envelope.
 * Throws an Error that never holds key text when a KEK cannot be made.
 */
export async function createKeyEncryption({
  kek,
  previousKeks = [],
  providers,
}: KeyEncryptionOptions): Promise<KeyEncryption> {
  const written = [...new Set([kek, ...previousKeks])]
  const [sealing, ...previous] = await Promise.all(written.map((text) => kekSource(text, providers ?? { raw: rawKek })))
  if (!sealing) throw new TypeError('there is no KEK')
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
    throw new Error(`a KEK must begin with ${Object.keys(providers).join(':, ')}: (what this platform has)`)
  }
  return await provider(text.slice(name.length + 1))
}

/** Keys of a token are named by people. Bytes name themselves: given twice, they are the same key. */
function refuseOneNameForTwo(sources: readonly KekSource[]): void {
  const ids = sources.flatMap((source) => source.ids).filter((id) => id.startsWith('pkcs11:'))
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice)
    throw new Error(`two KEKs are named ${twice}: give each key of a token a label of its own, and each KEK once`)
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

/** In the second form the sealed plaintext does not depend on the KEK, so that a change of KEK wraps the data key anew and nothing else. */
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

/** Members of a JSON array: no two contexts share a spelling, whatever characters their members hold. */
function placeOf({ purpose, table, id, version, algorithm }: SealContext) {
  return [purpose, table, id, version, algorithm]
}

function missingKekText(place: string, wanted: string, configured: readonly string[]): string {
  const known = configured.join(', ') || 'a passphrase, which is another one'
  return `${place} was sealed with the KEK ${wanted}, which is not configured (configured: ${known}): set it as MINTAGE_KEK, or as MINTAGE_KEK_PREVIOUS when another one seals now`
}

function notAuthentic(place: string, kekId: string): EnvelopeError {
  return new EnvelopeError(
    'not_authentic',
    `the envelope of ${place}, sealed with the KEK ${kekId}, was damaged or belongs elsewhere`,
    kekId,
  )
}
