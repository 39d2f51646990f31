import { decodeBase64 } from '../base64.ts'
import { isKmsKeyArn } from './aws-kms.ts'
import { passphraseFault } from './passphrase.ts'
import { parsePkcs11Uri } from './pkcs11-uri.ts'

export type KekRuntime = 'node' | 'workers'

const providers = ['raw', 'file', 'passphrase', 'aws-kms', 'pkcs11'] as const

type KekProviderName = (typeof providers)[number]

/** Undefined if the text does not begin with a known provider. */
export function kekProviderOf(written: string): KekProviderName | undefined {
  return providers.find((name) => written.startsWith(`${name}:`))
}

/**
 * Describes what is wrong with a configured KEK, as the rest of a sentence that starts with the variable's name.
 * Undefined = nothing. Never repeats the text. Does not check that the file, token or KMS key exists.
 */
export function kekFault(written: string, runtime: KekRuntime): string | undefined {
  const provider = kekProviderOf(written)
  if (provider === undefined) return 'must begin with raw:, file:, passphrase:, aws-kms: or pkcs11:'
  const rest = written.slice(provider.length + 1)
  if (runtime === 'workers') {
    if (provider === 'passphrase') {
      return 'must not be a passphrase on Workers: it needs at least 600,000 rounds of PBKDF2, and the platform allows 100,000; use raw: or aws-kms:'
    }
    if (provider === 'file' || provider === 'pkcs11') return `must not be ${provider}: on Workers: use raw: or aws-kms:`
  }
  switch (provider) {
    case 'raw':
      return decodeBase64(rest)?.length === 32 ? undefined : 'must be raw: followed by the base64 of exactly 32 bytes'
    case 'file':
      return rest === '' ? 'must name a path after file:' : undefined
    case 'passphrase': {
      const fault = passphraseFault(rest)
      return fault && `is a passphrase, which ${fault}`
    }
    case 'aws-kms':
      return isKmsKeyArn(rest) ? undefined : 'must be aws-kms: followed by the ARN of a key (not of an alias)'
    case 'pkcs11': {
      const uri = parsePkcs11Uri(rest)
      return 'fault' in uri ? uri.fault : undefined
    }
    default:
      return provider satisfies never
  }
}
