import type { KekProviders } from '../envelope.ts'
import { awsKmsKek, type KekAccess } from './aws-kms.ts'
import { rawKek } from './raw.ts'

/** What Cloudflare Workers can use as a KEK: there are no files, no native modules, and PBKDF2 stops at 100,000 rounds. */
export function workersKekProviders(access: KekAccess): KekProviders {
  return { raw: rawKek, 'aws-kms': (arn) => awsKmsKek(arn, access.aws) }
}
