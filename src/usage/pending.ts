/** One issued token: the key and version it was issued for, the signing key, and the caller. */
export type Exchange = {
  readonly apiKeyId: string
  readonly version: number
  readonly kid: string
  /** The token's `exp`: seconds since 1970. */
  readonly expiresAt: number
  readonly address: string | null
  readonly agent: string | null
  readonly at: Date
}

/**
 * The exchanges of one version of an API key, added up. Times are milliseconds since 1970. Addresses and agents: the
 * last few, newest first.
 */
export type ApiKeyUse = {
  readonly apiKeyId: string
  readonly version: number
  exchanges: number
  lastUsedAt: number
  lastExpiresAt: number
  addresses: readonly string[]
  agents: readonly string[]
}

/** The tokens of one signing key, added up. Times are milliseconds since 1970. */
export type SigningKeyUse = {
  readonly kid: string
  tokens: number
  lastSignedAt: number
  lastExpiresAt: number
}

export type FoldedUsage = { readonly apiKeys: readonly ApiKeyUse[]; readonly signingKeys: readonly SigningKeyUse[] }

/** Usage that is not written yet. Plain data, because the requests of a Workers isolate share it. */
export type PendingUsage = {
  add(exchange: Exchange): void
  /** Returns everything added so far, and starts again from empty. */
  take(): FoldedUsage
  /** Puts back what could not be written. It counts as older than anything added in the meantime. */
  giveBack(usage: FoldedUsage): void
  /** How many versions of API keys are waiting. */
  size(): number
  /** How many exchanges were dropped for lack of room since the last call. */
  takeDropped(): number
}

/** How many addresses and agents are kept for each version. */
export const remembered = 5
/** Agents are cut to this many characters. An address has at most 45. */
const longest = 256
const mostSigningKeys = 1000

/**
 * Adds up exchanges in memory, a few hundred nanoseconds each. At most `mostVersions` versions of keys wait. If the
 * database stays away and more versions are used, their exchanges are only counted as dropped.
 */
export function createPendingUsage({ mostVersions = 10_000 } = {}): PendingUsage {
  let apiKeys = new Map<string, ApiKeyUse>()
  let signingKeys = new Map<string, SigningKeyUse>()
  let dropped = 0

  function foldApiKey(use: ApiKeyUse): void {
    const name = `${use.apiKeyId} ${use.version}`
    const held = apiKeys.get(name)
    if (held) mergeOlder(held, use)
    else if (apiKeys.size < mostVersions) apiKeys.set(name, use)
    else dropped += use.exchanges
  }

  function foldSigningKey(use: SigningKeyUse): void {
    const held = signingKeys.get(use.kid)
    if (!held && signingKeys.size < mostSigningKeys) signingKeys.set(use.kid, use)
    if (!held) return
    held.tokens += use.tokens
    held.lastSignedAt = Math.max(held.lastSignedAt, use.lastSignedAt)
    held.lastExpiresAt = Math.max(held.lastExpiresAt, use.lastExpiresAt)
  }

  return {
    add({ apiKeyId, version, kid, expiresAt, address, agent, at }) {
      const usedAt = at.getTime()
      const lastExpiresAt = expiresAt * 1000
      const held = apiKeys.get(`${apiKeyId} ${version}`)
      if (held) {
        held.exchanges += 1
        if (usedAt > held.lastUsedAt) held.lastUsedAt = usedAt
        if (lastExpiresAt > held.lastExpiresAt) held.lastExpiresAt = lastExpiresAt
        held.addresses = withNewest(held.addresses, address)
        held.agents = withNewest(held.agents, agent)
      } else {
        const lists = { addresses: withNewest([], address), agents: withNewest([], agent) }
        foldApiKey({ apiKeyId, version, exchanges: 1, lastUsedAt: usedAt, lastExpiresAt, ...lists })
      }
      foldSigningKey({ kid, tokens: 1, lastSignedAt: usedAt, lastExpiresAt })
    },
    take() {
      const taken = { apiKeys: [...apiKeys.values()], signingKeys: [...signingKeys.values()] }
      apiKeys = new Map()
      signingKeys = new Map()
      return taken
    },
    giveBack(usage) {
      for (const use of usage.apiKeys) foldApiKey(use)
      for (const use of usage.signingKeys) foldSigningKey(use)
    },
    size: () => apiKeys.size,
    takeDropped() {
      const count = dropped
      dropped = 0
      return count
    },
  }
}

function mergeOlder(held: ApiKeyUse, older: ApiKeyUse): void {
  held.exchanges += older.exchanges
  held.lastUsedAt = Math.max(held.lastUsedAt, older.lastUsedAt)
  held.lastExpiresAt = Math.max(held.lastExpiresAt, older.lastExpiresAt)
  held.addresses = lastFew([...held.addresses, ...older.addresses])
  held.agents = lastFew([...held.agents, ...older.agents])
}

/** Most keys are used from the same place each time. Then no new list is allocated. */
function withNewest(list: readonly string[], value: string | null): readonly string[] {
  if (value === null || value === '') return list
  const bounded = value.length > longest ? value.slice(0, longest) : value
  return list[0] === bounded ? list : lastFew([bounded, ...list])
}

function lastFew(values: readonly string[]): readonly string[] {
  return [...new Set(values)].slice(0, remembered)
}
