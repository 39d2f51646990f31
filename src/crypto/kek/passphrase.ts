import { encodeBase64url, readBase64url } from '../../kit/base64url.ts'
import { EnvelopeError } from '../envelope.ts'
import type { Kek, KekSource } from './kek.ts'
import { kekOfBytes, keyCheck } from './raw.ts'

/** The minimum of OWASP's Password Storage Cheat Sheet for PBKDF2-HMAC-SHA-256. Fewer rounds are never accepted. */
export const leastRounds = 600_000

/** Limits the rounds, so that an id planted by an attacker cannot delay the start for hours. */
const mostRounds = 20_000_000

const saltBytes = 32

const shortestPassphrase = 12

/**
 * KEKs derived from a passphrase by PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2), one for each salt. Rounds and salt are in the
 * id, and so in the envelope: `passphrase_<rounds>_<salt, 43 characters>_<check of the derived key, 16 characters>`.
 * Guessing the passphrase from the check costs as much as guessing it from the ciphertext.
 *
 * Each derivation happens once per process. Sealing reuses a salt found in an envelope, so that all instances and
 * restarts share one salt. The first salt is random. `rounds` applies to new salts. A salt found with fewer rounds is
 * not used for sealing.
 */
export async function passphraseKek(passphrase: string, rounds = leastRounds): Promise<KekSource> {
  const fault = passphraseFault(passphrase)
  if (fault) throw new Error(`the passphrase of a KEK ${fault}`)
  const text = new TextEncoder().encode(passphrase.normalize('NFC'))
  const base = await crypto.subtle.importKey('raw', text, 'PBKDF2', false, ['deriveBits'])
  const derivations = new Map<string, Promise<Kek>>()
  let found: Kek | undefined
  let generated: Promise<Kek> | undefined

  function derive(salt: Uint8Array<ArrayBuffer>, saltRounds: number): Promise<Kek> {
    const name = `passphrase_${saltRounds}_${encodeBase64url(salt)}`
    const known = derivations.get(name)
    if (known) return known
    const derivation = deriveKek(base, salt, saltRounds, name)
    derivations.set(name, derivation)
    return derivation
  }

  return {
    get ids() {
      return found ? [found.id] : []
    },

    async sealing() {
      if (found) return found
      generated ??= derive(crypto.getRandomValues(new Uint8Array(saltBytes)), rounds)
      return await generated
    },

    async find(id) {
      const parameters = readId(id)
      if (!parameters) return undefined
      if (parameters.rounds < leastRounds || parameters.rounds > mostRounds) {
        throw new EnvelopeError(
          'malformed',
          `an envelope names a passphrase KEK of ${parameters.rounds} PBKDF2 rounds: from ${leastRounds} to ${mostRounds} are accepted`,
          id,
        )
      }
      const kek = await derive(parameters.salt, parameters.rounds)
      if (kek.id !== id) return undefined
      // If there are several salts, all instances choose the same one: the first in the order of the ids.
      if (parameters.rounds >= rounds && (!found || kek.id < found.id)) found = kek
      return kek
    },
  }
}

/**
 * What is wrong with the passphrase, without repeating it; undefined = nothing. Does not check how easy it is to guess.
 */
export function passphraseFault(passphrase: string): string | undefined {
  if ([...passphrase.normalize('NFC')].length < shortestPassphrase)
    return `must have at least ${shortestPassphrase} characters`
  if (passphrase !== passphrase.trim()) return 'must not begin or end with a space'
  return undefined
}

async function deriveKek(base: CryptoKey, salt: Uint8Array<ArrayBuffer>, rounds: number, name: string): Promise<Kek> {
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }
  const bytes = new Uint8Array(await crypto.subtle.deriveBits(parameters, base, 256))
  return await kekOfBytes(bytes, `${name}_${await keyCheck(bytes)}`)
}

function readId(id: string): { rounds: number; salt: Uint8Array<ArrayBuffer> } | undefined {
  const [, rounds, salt] = /^passphrase_([1-9]\d{0,8})_([\w-]{43})_[\w-]{16}$/.exec(id) ?? []
  const bytes = readBase64url(salt ?? '')
  return bytes?.length === saltBytes ? { rounds: Number(rounds), salt: bytes } : undefined
}
