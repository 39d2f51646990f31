import { AwsClient } from 'aws4fetch'
import { ServiceError } from '../../errors.ts'
import { backoffMilliseconds } from '../../kit/backoff.ts'
import { decodeBase64, encodeBase64 } from '../base64.ts'
import { type KekSource, singleKek } from './kek.ts'

export type AwsAccess = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
  /** Replaces the public endpoint of the key's region; null = the public endpoint. */
  readonly endpoint: string | null
}

/** How to reach a KEK outside this process; null = not configured. */
export type KekAccess = { readonly aws: AwsAccess | null; readonly pkcs11Pin: string | null }

type AwsKmsOptions = {
  /** For one call including its retries. */
  deadlineMilliseconds?: number
  fetch?: typeof fetch
}

const attempts = 3

/** Temporary errors: KMS may accept the same request later. */
const passing = new Set(['ThrottlingException', 'DependencyTimeoutException', 'KMSInternalException'])

/** The errors of Decrypt for a ciphertext of another key, or with another encryption context. */
const notAuthentic = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

/**
 * The ARN of a key. An alias is refused, because it can be changed to another key. The groups are partition and region.
 */
const keyArn = /^arn:(aws|aws-cn|aws-us-gov):kms:([a-z0-9-]{1,32}):\d{12}:key\/[A-Za-z0-9-]{1,64}$/

export function isKmsKeyArn(text: string): boolean {
  return keyArn.test(text)
}

/**
 * A symmetric key in AWS KMS. Uses Encrypt and Decrypt of the JSON 1.1 protocol. The associated data is sent as the
 * encryption context `mintage`. KMS authenticates it and AWS CloudTrail shows it: it names the row and never contains a
 * secret. Calls KMS only when an envelope is sealed or opened. Errors contain the ARN and the name of KMS's error. They
 * never contain its text, which can repeat the signed request.
 */
export async function awsKmsKek(
  arn: string,
  access: AwsAccess | null,
  options: AwsKmsOptions = {},
): Promise<KekSource> {
  const [, partition, region] = keyArn.exec(arn) ?? []
  if (!region) throw new Error('a KEK in AWS KMS must be aws-kms: followed by the ARN of a key (not of an alias)')
  if (!access) throw new Error('a KEK in AWS KMS needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  const id = `aws-kms:${arn}`
  const endpoint = access.endpoint ?? `https://kms.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}/`
  const call = kmsClient({ id, endpoint, region, access, ...options })

  return singleKek({
    id,
    async wrap(dataKey, associatedData) {
      const Plaintext = encodeBase64(dataKey)
      const answer = await call('Encrypt', { KeyId: arn, Plaintext, EncryptionContext: contextOf(associatedData) })
      const wrapped = bytesOf(answer.CiphertextBlob)
      if (answer.KeyId !== arn || !wrapped)
        throw unavailable(id, 'answered Encrypt for another key or without a ciphertext')
      return wrapped
    },
    async unwrap(wrapped, associatedData) {
      if (wrapped.length === 0) return undefined
      const CiphertextBlob = encodeBase64(wrapped)
      const answer = await call('Decrypt', { KeyId: arn, CiphertextBlob, EncryptionContext: contextOf(associatedData) })
      if (notAuthentic.has(String(answer.error))) return undefined
      const dataKey = bytesOf(answer.Plaintext)
      if (answer.KeyId !== arn || !dataKey)
        throw unavailable(id, 'answered Decrypt for another key or without a plaintext')
      return dataKey
    },
  })
}

type Answer = {
  readonly KeyId?: unknown
  readonly CiphertextBlob?: unknown
  readonly Plaintext?: unknown
  readonly error?: string
}

type ClientOptions = AwsKmsOptions & { id: string; endpoint: string; region: string; access: AwsAccess }

/**
 * Returns KMS's answer, or `{ error }` if the ciphertext is not authentic. Throws `kek_unavailable` for anything else.
 */
function kmsClient({ id, endpoint, region, access, deadlineMilliseconds = 5000, fetch: send = fetch }: ClientOptions) {
  const { accessKeyId, secretAccessKey, sessionToken } = access
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    service: 'kms',
    region,
    ...(sessionToken === null ? {} : { sessionToken }),
  })

  async function attempt(
    operation: 'Encrypt' | 'Decrypt',
    body: string,
    signal: AbortSignal,
  ): Promise<Answer & { passing?: true }> {
    const headers = { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': `TrentService.${operation}` }
    const request = await client.sign(endpoint, { method: 'POST', headers, body })
    const response = await send(request, { signal, redirect: 'manual' })
    const answer = jsonObject(await response.text())
    if (response.ok && answer)
      return { KeyId: answer.KeyId, CiphertextBlob: answer.CiphertextBlob, Plaintext: answer.Plaintext }
    const error = errorName(answer) ?? `status ${response.status}`
    return passing.has(error) || response.status >= 500 || response.status === 429
      ? { error, passing: true }
      : { error }
  }

  return async (operation: 'Encrypt' | 'Decrypt', request: object): Promise<Answer> => {
    const signal = AbortSignal.timeout(deadlineMilliseconds)
    const body = JSON.stringify(request)
    for (let left = attempts - 1; ; left--) {
      const answer = await attempt(operation, body, signal).catch((cause: unknown) => {
        throw unavailable(
          id,
          signal.aborted ? `did not answer within ${deadlineMilliseconds} ms` : 'cannot be reached',
          cause,
        )
      })
      if (answer.passing && left > 0) {
        await pause(backoffMilliseconds(attempts - left, { first: 100, longest: 1000 }))
        continue
      }
      if (answer.error !== undefined && !notAuthentic.has(answer.error))
        throw unavailable(id, `refused ${operation}: ${answer.error}`)
      return answer
    }
  }
}

function contextOf(associatedData: Uint8Array): Record<string, string> {
  return { mintage: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(associatedData) }
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  return bytes && bytes.length > 0 ? bytes : undefined
}

/** `__type` may have a namespace before a `#`. Only a plain name is returned, because it goes into an error text. */
function errorName(answer: Record<string, unknown> | undefined): string | undefined {
  const type = answer?.__type
  const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : ''
  return /^[A-Za-z]{1,64}$/.test(name) ? name : undefined
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function unavailable(id: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError('kek_unavailable', { reason: `the KEK ${id} ${what}`, cause })
}
