import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AwsAccess, awsKmsKek } from '../../../src/crypto/kek/aws-kms.ts'
import type { Kek } from '../../../src/crypto/kek/kek.ts'
import { ServiceError } from '../../../src/errors.ts'
import { type FakeKms, fault, signatureV4, startFakeKms } from '../../support/fake-kms.ts'
import { firstArn, secondArn } from './keks.ts'

const place = new TextEncoder().encode('["mintage2","data-key","token","row-1"]')
const dataKey = new Uint8Array(32).fill(7)

let kms: FakeKms
let access: AwsAccess
let kek: Kek

beforeAll(async () => {
  kms = await startFakeKms('eu-central-1', [firstArn, secondArn])
  access = { ...kms.credentials, endpoint: kms.url }
  kek = await open(access)
})
afterAll(() => kms.stop())

async function open(given: AwsAccess, deadlineMilliseconds = 5000): Promise<Kek> {
  return await (await awsKmsKek(firstArn, given, { deadlineMilliseconds })).sealing()
}

async function refusal(attempt: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await attempt.catch((reason: unknown) => reason)
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`)
  return error
}

describe('the fake KMS', () => {
  test("computes the signature of AWS's own worked example", () => {
    // "Create a signed AWS API request" in the IAM user guide: iam:ListUsers.
    const signature = signatureV4({
      method: 'GET',
      path: '/',
      query: 'Action=ListUsers&Version=2010-05-08',
      headers: [
        ['content-type', 'application/x-www-form-urlencoded; charset=utf-8'],
        ['host', 'iam.amazonaws.com'],
        ['x-amz-date', '20150830T123600Z'],
      ],
      body: '',
      date: '20150830T123600Z',
      region: 'us-east-1',
      service: 'iam',
      secretAccessKey: ['wJalrXUtnFEMI', 'K7MDENG+bPxRfiCYEXAMPLEKEY'].join('/'),
    })
    expect(signature).toBe('5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
  })

  test('refuses another secret, another session and another region', async () => {
    const wrong: AwsAccess[] = [
      { ...access, secretAccessKey: `${access.secretAccessKey}x` },
      { ...access, sessionToken: 'other' },
      { ...access, sessionToken: null },
    ]
    for (const each of wrong)
      expect((await refusal((await open(each)).wrap(dataKey, place))).reason).toMatch(/Signature|Client/)
    const elsewhere = await awsKmsKek(firstArn.replace('eu-central-1', 'us-east-1'), access)
    const { reason } = await refusal((await elsewhere.sealing()).wrap(dataKey, place))
    expect(reason).toContain('SignatureDoesNotMatch')
  })
})

describe('a KEK in AWS KMS', () => {
  test('sends the associated data as encryption context, and nothing before the first envelope', async () => {
    kms.asked.length = 0
    const fresh = await open(access)
    expect(kms.asked).toEqual([])
    const wrapped = await fresh.wrap(dataKey, place)
    expect(await fresh.unwrap(wrapped, place)).toEqual(dataKey)
    const context = { mintage: '["mintage2","data-key","token","row-1"]' }
    expect(kms.asked).toEqual([
      { operation: 'Encrypt', context, answer: 'ok' },
      { operation: 'Decrypt', context, answer: 'ok' },
    ])
  })

  test('is named by its ARN, so that a missing one can be found', () => {
    expect(kek.id).toBe(`aws-kms:${firstArn}`)
  })

  test('retries after throttling and passing errors', async () => {
    kms.next.push(fault('ThrottlingException'), fault('KMSInternalException', 500))
    expect(await kek.unwrap(await kek.wrap(dataKey, place), place)).toEqual(dataKey)
  })

  test('gives up when the error persists', async () => {
    kms.next.push(fault('ThrottlingException'), fault('ThrottlingException'), fault('ThrottlingException'))
    const { code, status, reason } = await refusal(kek.wrap(dataKey, place))
    expect({ code, status, reason }).toEqual({
      code: 'kek_unavailable',
      status: 503,
      reason: `the KEK aws-kms:${firstArn} refused Encrypt: ThrottlingException`,
    })
  })

  test.each(['AccessDeniedException', 'DisabledException', 'KMSInvalidStateException', 'NotFoundException'])(
    'a key that says %s is unavailable, which is not the same as damage',
    async (type) => {
      const wrapped = await kek.wrap(dataKey, place)
      kms.next.push(fault(`com.amazonaws.kms#${type}`))
      expect((await refusal(kek.unwrap(wrapped, place))).reason).toMatch(new RegExp(`refused Decrypt: ${type}$`))
    },
  )

  test('no answer in time is unavailable', async () => {
    const impatient = await open(access, 100)
    kms.next.push('stall')
    expect((await refusal(impatient.wrap(dataKey, place))).reason).toMatch(/did not answer within 100 ms$/)
  })

  test('an address where nobody listens is unavailable', async () => {
    const lost = await open({ ...access, endpoint: 'http://127.0.0.1:9/' })
    expect((await refusal(lost.wrap(dataKey, place))).reason).toMatch(/cannot be reached$/)
  })

  test.each<[string, unknown]>([
    ['of another key', { KeyId: secondArn, CiphertextBlob: 'AAAA', Plaintext: 'AAAA' }],
    ['without content', { KeyId: firstArn }],
    ['with content that is not base64', { KeyId: firstArn, CiphertextBlob: '*', Plaintext: '*' }],
    ['that is not an object', []],
    ['that is null', null],
  ])('an answer %s is not accepted', async (_name, body) => {
    kms.next.push({ status: 200, body })
    expect((await refusal(kek.wrap(dataKey, place))).code).toBe('kek_unavailable')
    const wrapped = await kek.wrap(dataKey, place)
    kms.next.push({ status: 200, body })
    expect((await refusal(kek.unwrap(wrapped, place))).code).toBe('kek_unavailable')
  })

  test('a redirect is not followed', async () => {
    kms.next.push({ status: 307, body: {} })
    expect((await refusal(kek.wrap(dataKey, place))).reason).toMatch(/status 307$/)
  })

  test('no error repeats a credential or a text of KMS', async () => {
    kms.next.push(fault('AccessDeniedException'), {
      status: 400,
      body: { __type: `x ${access.secretAccessKey}`, message: access.sessionToken },
    })
    const errors = [await refusal(kek.wrap(dataKey, place)), await refusal(kek.wrap(dataKey, place))]
    const text = errors
      .map((error) => `${error.message} ${error.reason} ${error.detail} ${String(error.cause)}`)
      .join('\n')
    for (const secret of [access.secretAccessKey, access.sessionToken ?? '', 'kms-message-text'])
      expect(text).not.toContain(secret)
  })

  test.each([
    '',
    'key/1',
    firstArn.replace('key/', 'alias/'),
    firstArn.replace('kms', 's3'),
    `${firstArn}.`,
    firstArn.replace('aws', 'example'),
  ])('a text that is not the ARN of a key is refused: %j', async (arn) => {
    await expect(awsKmsKek(arn, access)).rejects.toThrow('the ARN of a key (not of an alias)')
  })

  test('missing credentials are reported by the names of their variables', async () => {
    await expect(awsKmsKek(firstArn, null)).rejects.toThrow('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  })

  test.each([
    ['eu-central-1', 'aws', 'https://kms.eu-central-1.amazonaws.com/'],
    ['us-gov-west-1', 'aws-us-gov', 'https://kms.us-gov-west-1.amazonaws.com/'],
    ['cn-north-1', 'aws-cn', 'https://kms.cn-north-1.amazonaws.com.cn/'],
  ])('a key in %s is requested at the endpoint of its region', async (region, partition, url) => {
    const arn = `arn:${partition}:kms:${region}:123456789012:key/mrk-1`
    const asked: string[] = []
    const source = await awsKmsKek(
      arn,
      { ...access, endpoint: null },
      {
        fetch: async (request) => {
          asked.push(new Request(request).url)
          return Response.json({ KeyId: arn, CiphertextBlob: 'AAAA' })
        },
      },
    )
    await (await source.sealing()).wrap(dataKey, place)
    expect(asked).toEqual([url])
  })
})
