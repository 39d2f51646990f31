import type { KekProviders } from '../envelope.ts'
import { awsKmsKek, type KekAccess } from './aws-kms.ts'
import { rawKek } from './raw.ts'

/**
 * The KEK providers on Cloudflare Workers, which have no files and no native modules, and limit PBKDF2 to 100,000
 * rounds.
 */
export function workersKekProviders(access: KekAccess): KekProviders {
  return { raw: rawKek, 'aws-kms': (arn) => awsKmsKek(arn, access.aws) }
}
