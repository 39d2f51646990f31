import type { KekProviders } from '../envelope.ts'
import { awsKmsKek, type KekAccess } from './aws-kms.ts'
import { fileKek } from './file.node.ts'
import { passphraseKek } from './passphrase.ts'
import { pkcs11Kek } from './pkcs11.node.ts'
import { rawKek } from './raw.ts'

/** The KEK providers on Node. */
export function nodeKekProviders(access: KekAccess): KekProviders {
  return {
    raw: rawKek,
    file: fileKek,
    passphrase: (text) => passphraseKek(text),
    'aws-kms': (arn) => awsKmsKek(arn, access.aws),
    pkcs11: (uri) => pkcs11Kek(uri, access.pkcs11Pin),
  }
}
