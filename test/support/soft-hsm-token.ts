import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'

const run = promisify(execFile)

/** The library of softhsm2 for this run; null if it is not installed (with CI=true the run has failed then). */
export const softHsm: string | null = inject('softHsm')

export type TestToken = {
  readonly label: string
  readonly pin: string
  /** Creates a key in the token: by default 32 bytes, sensitive and not extractable. */
  makeKey(label: string, key?: { bytes?: number; extractable?: boolean; id?: number }): Promise<void>
  /** The `pkcs11:` URI of the key with that label in this token, without a PIN. */
  uri(label: string): string
}

/**
 * The token of this process in a software HSM, deleted with the process. One per process: the library reads its
 * configuration only once.
 */
export function testToken(): Promise<TestToken> {
  token ??= createToken()
  return token
}

let token: Promise<TestToken> | undefined

async function createToken(): Promise<TestToken> {
  const library = softHsm
  if (library === null) throw new Error('no software HSM here: ask softHsm first')
  const folder = await mkdtemp(join(tmpdir(), 'softhsm-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'tokens'))
  const configuration = join(folder, 'softhsm2.conf')
  await writeFile(
    configuration,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  process.env.SOFTHSM2_CONF = configuration
  const label = 'mintage test'
  const pin = String(randomInt(10_000_000, 99_999_999))
  await run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', pin])
  return {
    label,
    pin,
    uri: (key) => `pkcs11:token=mintage%20test;object=${key};type=secret-key?module-path=${library}`,
    makeKey: (key, options) => makeKey(library, pin, key, options),
  }
}

async function makeKey(
  library: string,
  pin: string,
  label: string,
  { bytes = 32, extractable = false, id = 1 }: { bytes?: number; extractable?: boolean; id?: number } = {},
): Promise<void> {
  const { default: p } = await import('pkcs11js')
  const module = new p.PKCS11()
  module.load(library)
  try {
    module.C_Initialize({ flags: p.CKF_OS_LOCKING_OK })
  } catch (error) {
    if (!String(error).includes('CKR_CRYPTOKI_ALREADY_INITIALIZED')) throw error
  }
  const slot = module.C_GetSlotList(true).find((each) => module.C_GetTokenInfo(each).label.trimEnd() === 'mintage test')
  if (!slot) throw new Error('the token is gone')
  const session = module.C_OpenSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION)
  try {
    module.C_Login(session, p.CKU_USER, pin)
  } catch (error) {
    if (!String(error).includes('CKR_USER_ALREADY_LOGGED_IN')) throw error
  }
  module.C_GenerateKey(session, { mechanism: p.CKM_AES_KEY_GEN }, [
    { type: p.CKA_CLASS, value: p.CKO_SECRET_KEY },
    { type: p.CKA_KEY_TYPE, value: p.CKK_AES },
    { type: p.CKA_VALUE_LEN, value: bytes },
    { type: p.CKA_LABEL, value: label },
    { type: p.CKA_ID, value: Buffer.from([id]) },
    { type: p.CKA_TOKEN, value: true },
    { type: p.CKA_PRIVATE, value: true },
    { type: p.CKA_SENSITIVE, value: !extractable },
    { type: p.CKA_EXTRACTABLE, value: extractable },
    { type: p.CKA_ENCRYPT, value: true },
    { type: p.CKA_DECRYPT, value: true },
  ])
  module.C_CloseSession(session)
}
