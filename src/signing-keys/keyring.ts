import type { KeyPurpose, Signer } from './signer.ts'

export type JsonWebKeySet = { keys: readonly (JsonWebKey & { kid: string; alg: string; use: 'sig' })[] }

export type Keyring = {
  /**
   * The active signer of the purpose now. `generation` is what the key lookup of the same request brought: when it is not the
   * ring's, the ring is reloaded before anything is signed. Throws `keyring_unavailable`.
   */
  signer(purpose: KeyPurpose, generation?: number): Signer | Promise<Signer>
  /** The published public keys (pending, active and retiring; record keys: all that ever were), not older than a second where the database answers. */
  publicKeys(purpose: KeyPurpose): Promise<JsonWebKeySet>
  /** Reads the ring again. */
  reload(): Promise<void>
  /** For readiness: the generation in use and whether an active key of each purpose can sign. */
  state(): { generation: number | undefined; usable: boolean; reason?: string }
}
