import { ServiceError } from '../../errors.ts'
import { withDeadline } from '../../kit/runtime.ts'
import { readSecretFile } from './file.node.ts'
import { type KekSource, singleKek } from './kek.ts'
import { openTokenKey, type Pkcs11Module, type TokenKey } from './pkcs11-token.node.ts'
import { type Pkcs11Uri, parsePkcs11Uri } from './pkcs11-uri.ts'

type Pkcs11Options = {
  /** For one call. If the token never answers, the call blocks its thread for good: PKCS #11 has no cancellation. */
  deadlineMilliseconds?: number
}

const nonceBytes = 12
const tagBytes = 16

/**
 * The errors of C_Decrypt for a ciphertext that is not authentic: the v3 name, names from v2 vendors, and SoftHSM's.
 */
const notAuthentic = new Set([
  'CKR_AEAD_DECRYPT_FAILED',
  'CKR_ENCRYPTED_DATA_INVALID',
  'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'CKR_GENERAL_ERROR',
])

/**
 * An AES-256 key that never leaves its PKCS #11 token. It wraps data keys by CKM_AES_GCM inside the token, as nonce (12
 * random bytes) ‖ ciphertext ‖ tag, the same form as in aead.ts. An extractable key is refused.
 *
 * Opens the token immediately, so that a wrong PIN or label stops the start. Opens it again after a session was lost. A
 * session allows only one call at a time. Errors contain the label and PKCS #11 error names, never the URI or the PIN.
 */
export async function pkcs11Kek(
  written: string,
  pin: string | null,
  { deadlineMilliseconds = 5000 }: Pkcs11Options = {},
): Promise<KekSource> {
  const uri = readUri(written)
  const id = `pkcs11:${uri.label}`
  const module = await loadModule(uri.modulePath, id)
  let open: TokenKey | undefined
  let pinRefused = false
  let turn: Promise<unknown> = Promise.resolve()
  const late = () => new DeadlineError(`the token does not answer within ${deadlineMilliseconds} ms`)

  async function tokenKey(): Promise<TokenKey> {
    if (open) return open
    // Tokens lock themselves after a few wrong PINs: never try the same one twice.
    if (pinRefused) throw new Error('the token refused the PIN: restart with the right PIN')
    const given = await readPin(uri, pin)
    try {
      open = openTokenKey(module, uri, given)
    } catch (error) {
      pinRefused = pkcs11Name(error)?.startsWith('CKR_PIN_') ?? false
      throw error
    }
    return open
  }

  async function attempt<Result>(run: (key: TokenKey) => Promise<Result>): Promise<Result> {
    const key = await tokenKey()
    try {
      return await withDeadline(() => run(key), deadlineMilliseconds, late)
    } catch (error) {
      if (!isNotAuthentic(error)) {
        open = undefined
        // A session that does not answer would not answer C_CloseSession either.
        if (!(error instanceof DeadlineError)) key.close()
      }
      throw error
    }
  }

  /** Tries once more in a new session, because a restarted token has lost its earlier sessions. */
  async function attemptAgain<Result>(run: (key: TokenKey) => Promise<Result>): Promise<Result> {
    try {
      return await attempt(run)
    } catch (error) {
      if (isNotAuthentic(error) || pkcs11Name(error) === undefined || pinRefused) throw error
      return await attempt(run)
    }
  }

  function inTurn<Result>(run: (key: TokenKey) => Promise<Result>): Promise<Result> {
    const result = turn.then(() => attemptAgain(run))
    turn = result.catch(() => {})
    return result
  }

  await attempt(async () => {}).catch((error: unknown) => {
    throw new Error(`the KEK ${id} cannot be used: ${wordsOf(error)}`, { cause: error })
  })

  return singleKek({
    id,
    async wrap(dataKey, associatedData) {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
      const sealed = await inTurn((key) => key.encrypt(nonce, associatedData, dataKey)).catch((error: unknown) =>
        refuse(id, error),
      )
      return Uint8Array.from([...nonce, ...sealed])
    },
    async unwrap(wrapped, associatedData) {
      if (wrapped.length < nonceBytes + tagBytes) return undefined
      const [nonce, sealed] = [wrapped.subarray(0, nonceBytes), wrapped.subarray(nonceBytes)]
      return await inTurn((key) => key.decrypt(nonce, associatedData, sealed)).catch((error: unknown) =>
        isNotAuthentic(error) ? undefined : refuse(id, error),
      )
    },
  })
}

function readUri(written: string): Pkcs11Uri {
  const uri = parsePkcs11Uri(written)
  if ('fault' in uri) throw new Error(`a KEK in a PKCS #11 token ${uri.fault}`)
  return uri
}

/** A library is initialised once per process, even for several KEKs. */
const modules = new Map<string, Pkcs11Module>()

async function loadModule(path: string, id: string): Promise<Pkcs11Module> {
  const known = modules.get(path)
  if (known) return known
  const { default: pkcs11 } = await import('pkcs11js').catch((cause: unknown) => {
    throw new Error(
      `the KEK ${id} needs the optional package pkcs11js: install it with npm install pkcs11js (this needs a C++ compiler)`,
      { cause },
    )
  })
  const library = new pkcs11.PKCS11()
  try {
    library.load(path)
    library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
  } catch (cause) {
    if (pkcs11Name(cause) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') {
      throw new Error(`the library ${path} of the KEK ${id} cannot be used: ${wordsOf(cause)}`, { cause })
    }
  }
  const loaded = { library, constants: pkcs11 }
  modules.set(path, loaded)
  return loaded
}

/** Read each time, so that the PIN can change without a restart. One line end at the end of the file is ignored. */
async function readPin({ pinFile }: Pkcs11Uri, pin: string | null): Promise<string> {
  if (pinFile !== undefined) return (await readSecretFile(pinFile, 'PIN')).replace(/\r?\n$/, '')
  if (pin === null) throw new Error('the PIN is missing: set MINTAGE_PKCS11_PIN, or name a file by pin-source')
  return pin
}

class DeadlineError extends Error {}

function isNotAuthentic(error: unknown): boolean {
  return notAuthentic.has(pkcs11Name(error) ?? '')
}

/** `CKR_…` for an error of the library; undefined for any other error. */
function pkcs11Name(error: unknown): string | undefined {
  return error instanceof Error ? /^CKR_[A-Z0-9_]+$/.exec(error.message)?.[0] : undefined
}

/** A text from our code, or the name of the library's error. Never any other text of a native module. */
function wordsOf(error: unknown): string {
  if (error instanceof Error && error.name === 'NativeError') return 'the library cannot be loaded'
  return error instanceof Error ? error.message : 'unknown error'
}

function refuse(id: string, cause: unknown): never {
  throw new ServiceError('kek_unavailable', { reason: `the KEK ${id} cannot be used: ${wordsOf(cause)}`, cause })
}
