/** A key-encryption key: it wraps data keys and never sees what they seal. */
export type Kek = {
  /** Written into each envelope; reveals nothing about the key. At most 256 letters, digits and `_ - : /`. */
  readonly id: string
  wrap(dataKey: Uint8Array<ArrayBuffer>, associatedData: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Undefined if the wrapped key is not authentic. Throws `kek_unavailable` if that cannot be decided, because KMS or
   * the token refuses or does not answer.
   */
  unwrap(
    wrapped: Uint8Array<ArrayBuffer>,
    associatedData: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/**
 * The keys of one configured text. Usually that is one key. A passphrase has one key for each salt it was used with.
 */
export type KekSource = {
  /** Ids of the keys known so far, the sealing one first. */
  readonly ids: readonly string[]
  /** The key that seals. */
  sealing(): Promise<Kek>
  /**
   * The key with that id, if this source has it. Throws `EnvelopeError` if the parameters in the id are not acceptable.
   */
  find(id: string): Promise<Kek | undefined>
}

/**
 * Creates a KEK from the text after `provider:`. Throws an Error whose text is for the operator and never repeats a
 * secret.
 */
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
