import { canonicalCidr } from '../access/cidr.ts'
import { idPrefixes } from '../crypto/random.ts'
import { invalidRequest } from '../errors.ts'
import { type CustomClaims, faultInCustomClaims } from './custom-claims.ts'

export type Texts = readonly string[] | undefined

/**
 * A subject that starts like an id or a secret of the service could pass for another client, organization or person.
 * So could one that only looks like it: with full-width letters, accents, invisible characters or spaces.
 */
export function startsLikeOurs(subject: string, apiKeyPrefixes: readonly string[]): boolean {
  const visible = subject
    .normalize('NFKD')
    .replaceAll(/[\p{White_Space}\p{C}\p{M}\p{Default_Ignorable_Code_Point}]/gu, '')
  const folded = visible.toLowerCase()
  return [...idPrefixes, ...apiKeyPrefixes].some((prefix) => folded.startsWith(`${prefix}_`))
}

/** An empty object means the same as null. */
export function checkedClaims(claims: CustomClaims | null): CustomClaims | null {
  const fault = claims === null ? undefined : faultInCustomClaims(claims)
  if (fault !== undefined) throw invalidRequest(fault)
  return claims === null || Object.keys(claims).length === 0 ? null : claims
}

export function checkedCidrs(member: string, texts: Texts = []): string[] {
  const ranges = texts.map((text) => canonicalCidr(text))
  const canonical = ranges.filter((range) => range !== undefined)
  if (canonical.length < ranges.length)
    throw invalidRequest(`${member} holds an invalid CIDR range, or an address with bits set beyond its prefix.`)
  return unique(canonical)
}

export function unique(values: Texts = []): string[] {
  return [...new Set(values)]
}
