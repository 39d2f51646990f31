import type { TokenText } from '../token/token-text.ts'

/** Whether the text was signed by the key that the check was made of. Never throws for what a token can hold. */
export type SignatureCheck = (token: TokenText) => boolean | Promise<boolean>
