import type * as pkcs11js from 'pkcs11js'
import type { Pkcs11Uri } from './pkcs11-uri.ts'

/** An initialised library with the constants that its calls use. */
export type Pkcs11Module = { readonly library: pkcs11js.PKCS11; readonly constants: typeof pkcs11js }

type Bytes = Uint8Array<ArrayBuffer>

/** A key in a token, with its own logged-in session. One call at a time. */
export type TokenKey = {
  /** Ciphertext ‖ tag. */
  encrypt(nonce: Bytes, associatedData: Bytes, plaintext: Bytes): Promise<Bytes>
  /** The plaintext. Throws the token's error, also when the ciphertext is not authentic. */
  decrypt(nonce: Bytes, associatedData: Bytes, sealed: Bytes): Promise<Bytes>
  /** Closes the session. A lost session is not an error. */
  close(): void
}

const tagBytes = 16

/**
 * Finds the token and the key, and logs in. Blocks as long as the library does. Throws an Error with a text from this
 * file, or the library's error.
 */
export function openTokenKey(module: Pkcs11Module, uri: Pkcs11Uri, pin: string): TokenKey {
  const { library, constants } = module
  const slot = findSlot(module, uri)
  if (!library.C_GetMechanismList(slot).includes(constants.CKM_AES_GCM)) throw new Error('the token lacks CKM_AES_GCM')
  const session = library.C_OpenSession(slot, constants.CKF_SERIAL_SESSION)
  const close = () => {
    try {
      library.C_CloseSession(session)
    } catch {
      // The session was lost with its token.
    }
  }
  try {
    logIn(module, session, pin)
    const key = findKey(module, session, uri)
    const gcm = (iv: Bytes, aad: Bytes) => ({
      mechanism: constants.CKM_AES_GCM,
      parameter: {
        type: constants.CK_PARAMS_AES_GCM_v240,
        iv: bufferOf(iv),
        aad: bufferOf(aad),
        ivBits: iv.length * 8,
        tagBits: tagBytes * 8,
      },
    })
    return {
      async encrypt(nonce, associatedData, plaintext) {
        library.C_EncryptInit(session, gcm(nonce, associatedData), key)
        const room = Buffer.alloc(plaintext.length + tagBytes)
        return Uint8Array.from(await library.C_EncryptAsync(session, bufferOf(plaintext), room))
      },
      async decrypt(nonce, associatedData, sealed) {
        library.C_DecryptInit(session, gcm(nonce, associatedData), key)
        // Some libraries require space for the tag, although the result does not include it.
        const room = Buffer.alloc(sealed.length)
        const plaintext = Uint8Array.from(await library.C_DecryptAsync(session, bufferOf(sealed), room))
        room.fill(0)
        return plaintext
      },
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function findSlot({ library, constants }: Pkcs11Module, uri: Pkcs11Uri): pkcs11js.Handle {
  const slots = library.C_GetSlotList(true).filter((slot) => {
    const { flags, label, serialNumber, manufacturerID, model } = library.C_GetTokenInfo(slot)
    if ((flags & constants.CKF_TOKEN_INITIALIZED) === 0) return false
    return (
      matches(uri.token, label) &&
      matches(uri.serial, serialNumber) &&
      matches(uri.manufacturer, manufacturerID) &&
      matches(uri.model, model)
    )
  })
  const [slot] = slots
  if (!slot) throw new Error('no token matches its URI')
  if (slots.length > 1) throw new Error('several tokens match its URI: add token= or serial=')
  return slot
}

/** The library pads with spaces. */
function matches(wanted: string | undefined, padded: string): boolean {
  return wanted === undefined || wanted === padded.trimEnd()
}

/** One login applies to all sessions of this process on the token. */
function logIn({ library, constants }: Pkcs11Module, session: pkcs11js.Handle, pin: string): void {
  try {
    library.C_Login(session, constants.CKU_USER, pin)
  } catch (error) {
    if (!(error instanceof Error && error.message === 'CKR_USER_ALREADY_LOGGED_IN')) throw error
  }
}

function findKey({ library, constants }: Pkcs11Module, session: pkcs11js.Handle, uri: Pkcs11Uri): pkcs11js.Handle {
  library.C_FindObjectsInit(session, [
    { type: constants.CKA_CLASS, value: constants.CKO_SECRET_KEY },
    { type: constants.CKA_LABEL, value: uri.label },
    ...(uri.keyId ? [{ type: constants.CKA_ID, value: bufferOf(uri.keyId) }] : []),
  ])
  const keys = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  const [key] = keys
  if (!key) throw new Error('the token has no secret key with this label, or hides it from this user')
  if (keys.length > 1) throw new Error('several keys of the token have this label: add id=')
  const [type, size, extractable, sensitive] = library
    .C_GetAttributeValue(session, key, [
      { type: constants.CKA_KEY_TYPE },
      { type: constants.CKA_VALUE_LEN },
      { type: constants.CKA_EXTRACTABLE },
      { type: constants.CKA_SENSITIVE },
    ])
    .map(({ value }) => numberOf(value))
  if (type !== constants.CKK_AES || size !== 32) throw new Error('the key must be an AES key of 32 bytes')
  if (extractable !== 0 || sensitive !== 1)
    throw new Error('the key must be sensitive and not extractable: anyone who has the PIN could copy this one')
  return key
}

/** CK_BBOOL is a byte, CK_ULONG a native word: little-endian on every platform that pkcs11js supports. */
function numberOf(value: unknown): number {
  return Buffer.isBuffer(value) && value.length > 0 && value.length <= 8
    ? Number(value.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n))
    : -1
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes)
}
