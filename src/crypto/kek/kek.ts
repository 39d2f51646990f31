/** A key-encryption key: wraps data keys and never sees what they seal. */
export type Kek = {
  /** Stands in each envelope; says nothing about the key. Letters, digits and `_ - : /`, at most 256. */
  readonly id: string
  wrap(dataKey: Uint8Array<ArrayBuffer>, associatedData: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Undefined when the wrapped key is not authentic. Throws `kek_unavailable` when that cannot be told, because what holds the key
   * does not answer or refuses.
   */
  unwrap(
    wrapped: Uint8Array<ArrayBuffer>,
    associatedData: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** What one written KEK gives. Most are one key; a passphrase is one for each salt that it was used with. */
export type KekSource = {
  /** Those known so far, the sealing one first. */
  readonly ids: readonly string[]
  /** The key that seals. */
  sealing(): Promise<Kek>
  /** The key of that id, if it is one of this source's. Throws `EnvelopeError` for an id that must not be followed. */
  find(id: string): Promise<Kek | undefined>
}

/** Makes a KEK of what stands behind `provider:`. Throws an Error in words for the operator, which never repeats a secret. */
export type KekProvider = (written: string) => Promise<KekSource>

export function singleKek(kek: Kek): KekSource {
  return {
    ids: [kek.id],
    sealing: async () => kek,
    find: async (id) => (id === kek.id ? kek : undefined),
  }
}

export function isKekId(text: string): boolean {
  return /^[A-Za-z0-9_:/-]{1,256}$/.test(text)
}
