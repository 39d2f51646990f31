/** Why something is revoked: a word to count and search for. Rules that the service adds itself have other reasons. */
export const revocationReasons = [
  'leaked',
  'compromised',
  'employee_left',
  'rotated',
  'unused',
  'abuse',
  'other',
] as const

type RevocationReason = (typeof revocationReasons)[number]

/** The word, and an optional explanation of at most 500 characters. */
export type Because = { readonly reason: RevocationReason; readonly text?: string | undefined }
