import { type ApiKeyChange, type ApiKeyDraft, draftApiKey } from './draft.ts'

/** Member → what it was and what it is; instants as texts. */
export type DraftChanges = Record<string, { readonly from: unknown; readonly to: unknown }>

/** The stored key with what the caller says put over it, checked as a new one. Throws `invalid_request`. */
export function changedDraft(
  former: Readonly<ApiKeyDraft>,
  change: ApiKeyChange,
  now: Date,
  apiKeyPrefixes: readonly string[],
): ApiKeyDraft {
  const said = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  return draftApiKey({ ...draftOf(former), ...said }, now, apiKeyPrefixes)
}

/** What differs; members in the order of a draft. The order within a list counts, and so does that of claims. */
export function changesOf(former: Readonly<ApiKeyDraft>, draft: Readonly<ApiKeyDraft>): DraftChanges {
  const before: Readonly<Record<string, unknown>> = draftOf(former)
  return Object.fromEntries(
    Object.entries(draft)
      .filter(([member, value]) => JSON.stringify(value) !== JSON.stringify(before[member]))
      .map(([member, value]) => [member, { from: shown(before[member]), to: shown(value) }]),
  )
}

/** A row holds more than a draft. */
function draftOf(row: Readonly<ApiKeyDraft>): ApiKeyDraft {
  const {
    name,
    description,
    environment,
    scopes,
    audiences,
    roles,
    subject,
    tokenAlgorithm,
    customClaims,
    allowedCidrs,
  } = row
  const { deniedCidrs, requestsPerMinute, rotateEverySeconds, labels, serviceAccountId, expiresAt } = row
  return {
    ...{
      name,
      description,
      environment,
      scopes,
      audiences,
      roles,
      subject,
      tokenAlgorithm,
      customClaims,
      allowedCidrs,
    },
    ...{ deniedCidrs, requestsPerMinute, rotateEverySeconds, labels, serviceAccountId, expiresAt },
  }
}

function shown(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}
