import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a request was signed with. */
type AwsKeyPair = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export type FakeKms = {
  readonly url: string
  /** The credentials that it accepts, generated for this run. */
  readonly credentials: Required<AwsKeyPair>
  /** The requests and their answers, in order. */
  readonly asked: { operation: string; context: unknown; answer: string }[]
  /** Answers for the next requests; `stall` never answers. */
  readonly next: (KmsFault | 'stall')[]
  stop(): Promise<void>
}

type KmsFault = { status: number; body: unknown }

/**
 * The part of AWS KMS that a KEK uses, over its wire protocol (JSON 1.1, Signature Version 4). A fake for tests,
 * written from AWS's documentation and not compared with the real service. It checks each signature, its date, and the
 * encryption context.
 */
export async function startFakeKms(region: string, keyArns: readonly string[]): Promise<FakeKms> {
  const credentials = { accessKeyId: `TEST${hex(8)}`, secretAccessKey: hex(20), sessionToken: hex(32) }
  const keys = new Map(keyArns.map((arn) => [arn, randomBytes(32)]))
  const asked: FakeKms['asked'] = []
  const next: FakeKms['next'] = []
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const scripted = next.shift()
    if (scripted === 'stall') return
    const refusal = signatureFault(request, body, credentials, region)
    const { status, body: answer } =
      scripted ?? (refusal ? fault(refusal) : answerOf(String(request.headers['x-amz-target']), body, keys))
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
    const name = typeof answer === 'object' && answer !== null && '__type' in answer ? String(answer.__type) : 'ok'
    asked.push({ operation, context: JSON.parse(body).EncryptionContext, answer: name })
    response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}/`,
    credentials,
    asked,
    next,
    async stop() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function answerOf(target: string, body: string, keys: ReadonlyMap<string, Buffer>): KmsFault {
  const { KeyId, Plaintext, CiphertextBlob, EncryptionContext } = JSON.parse(body)
  const key = keys.get(KeyId)
  if (!key) return fault('NotFoundException')
  const context = Buffer.from(JSON.stringify(Object.entries(EncryptionContext ?? {}).sort()))
  if (target === 'TrentService.Encrypt') {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context)
    const sealed = Buffer.concat([cipher.update(Buffer.from(Plaintext, 'base64')), cipher.final()])
    const blob = Buffer.concat([digest(KeyId), nonce, sealed, cipher.getAuthTag()])
    return {
      status: 200,
      body: { KeyId, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    }
  }
  if (target !== 'TrentService.Decrypt') return fault('UnknownOperationException')
  const blob = Buffer.from(CiphertextBlob, 'base64')
  const maker = [...keys.keys()].find((arn) => digest(arn).equals(blob.subarray(0, 32)))
  if (blob.length < 32 + 12 + 16 || !maker) return fault('InvalidCiphertextException')
  if (maker !== KeyId) return fault('IncorrectKeyException')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(32, 44), { authTagLength: 16 }).setAAD(context)
    decipher.setAuthTag(blob.subarray(-16))
    const plaintext = Buffer.concat([decipher.update(blob.subarray(44, -16)), decipher.final()])
    return {
      status: 200,
      body: { KeyId, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    }
  } catch {
    return fault('InvalidCiphertextException')
  }
}

/** KMS's messages reveal more than its error names. If a caller repeats this message, its words show it. */
export function fault(type: string, status = 400): KmsFault {
  return { status, body: { __type: type, message: `kms-message-text of ${type}` } }
}

function signatureFault(
  request: IncomingMessage,
  body: string,
  credentials: Required<AwsKeyPair>,
  region: string,
): string | undefined {
  const header = (name: string) => String(request.headers[name] ?? '')
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
  const [, accessKeyId, day, signedRegion, service, signedHeaders = '', signature = ''] =
    pattern.exec(header('authorization')) ?? []
  if (accessKeyId !== credentials.accessKeyId || header('x-amz-security-token') !== credentials.sessionToken)
    return 'UnrecognizedClientException'
  const names = signedHeaders.split(';')
  if (!['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'].every((name) => names.includes(name)))
    return 'IncompleteSignatureException'
  const date = header('x-amz-date')
  const sent = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  if (!date.startsWith(String(day)) || !(Math.abs(Date.now() - sent) < 300_000)) return 'SignatureDoesNotMatch'
  if (signedRegion !== region || service !== 'kms') return 'SignatureDoesNotMatch'
  const expected = signatureV4({
    method: String(request.method),
    path: '/',
    query: '',
    headers: names.map((name) => [name, header(name)]),
    body,
    date,
    region,
    service: 'kms',
    secretAccessKey: credentials.secretAccessKey,
  })
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected)) ? undefined : 'SignatureDoesNotMatch'
}

type SignedRequest = {
  method: string
  path: string
  query: string
  headers: readonly (readonly [name: string, value: string])[]
  body: string
  date: string
  region: string
  service: string
  secretAccessKey: string
}

/** AWS Signature Version 4, as described in the IAM user guide ("Create a signed AWS API request"), steps 1 to 4. */
export function signatureV4(request: SignedRequest): string {
  const { method, path, query, headers, body, date, region, service, secretAccessKey } = request
  const canonicalHeaders = headers.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}\n`).join('')
  const signedHeaders = headers.map(([name]) => name).join(';')
  const canonical = [method, path, query, canonicalHeaders, signedHeaders, digest(body).toString('hex')].join('\n')
  const scope = [date.slice(0, 8), region, service, 'aws4_request']
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), digest(canonical).toString('hex')].join('\n')
  const key = scope.reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${secretAccessKey}`))
  return hmac(key, toSign).toString('hex')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex').toUpperCase()
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}
