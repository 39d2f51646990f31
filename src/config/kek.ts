import type { AwsAccess, KekAccess } from '../crypto/kek/aws-kms.ts'
import { type KekRuntime, kekFault, kekProviderOf } from '../crypto/kek/written-form.ts'
import type { Environment } from './environment.ts'

export type KekSettings = {
  /**
   * Values of MINTAGE_KEK and MINTAGE_KEK_PREVIOUS; null = not configured. `kek` seals and opens. The previous ones
   * only open.
   */
  readonly kek: string | null
  readonly previousKeks: readonly string[]
  /** Credentials for KEKs outside the process. */
  readonly kekAccess: KekAccess
}

/** The configured KEKs. Does not check them: `kekFaults` does. */
export function kekSettings(values: Environment): KekSettings {
  return {
    kek: values.MINTAGE_KEK ?? null,
    previousKeks: values.MINTAGE_KEK_PREVIOUS,
    kekAccess: { aws: awsAccess(values), pkcs11Pin: values.MINTAGE_PKCS11_PIN ?? null },
  }
}

function awsAccess(values: Environment): AwsAccess | null {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = values
  if (!accessKeyId || !secretAccessKey) return null
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: values.AWS_SESSION_TOKEN ?? null,
    endpoint: values.AWS_ENDPOINT_URL_KMS ?? null,
  }
}

/** The AWS variables are checked only if a KEK is in AWS KMS: otherwise they may be set for other programs. */
export function kekFaults(values: Environment, runtime: KekRuntime): string[] {
  const faults: string[] = []
  const check = (name: string, written: string) => {
    const fault = kekFault(written, runtime)
    if (fault) faults.push(`${name} ${fault}`)
  }
  if (values.MINTAGE_KEK) check('MINTAGE_KEK', values.MINTAGE_KEK)
  values.MINTAGE_KEK_PREVIOUS.forEach(
    (written, index) => void check(`MINTAGE_KEK_PREVIOUS (line ${index + 1})`, written),
  )
  const inKms = [values.MINTAGE_KEK ?? '', ...values.MINTAGE_KEK_PREVIOUS].some(
    (written) => kekProviderOf(written) === 'aws-kms',
  )
  if (!inKms) return faults
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const) {
    if (!values[name]) faults.push(`${name} is missing: a KEK is in AWS KMS`)
  }
  if (values.AWS_ENDPOINT_URL_KMS && !isPrivateEndpoint(values.AWS_ENDPOINT_URL_KMS)) {
    faults.push('AWS_ENDPOINT_URL_KMS must be an https URL, or an http URL of this machine: data keys are sent there')
  }
  return faults
}

function isPrivateEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}
