/**
 * Why somebody revokes: a word that can be counted and searched for. Rules that the service lays itself have reasons of
 * their own.
 */
export const revocationReasons = [
  'leaked',
  'compromised',
  'employee_left',
  'rotated',
  'unused',
  'abuse',
  'other',
] as const

export type RevocationReason = (typeof revocationReasons)[number]

/** The word, and at most 500 characters of the revoker's own. */
export type Because = { readonly reason: RevocationReason; readonly text?: string | undefined }
