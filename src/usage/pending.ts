import { lastFew, withNewest } from './recent.ts'

/** Which version of an API key somebody used, when, and from where. */
export type Use = {
  readonly apiKeyId: string
  readonly version: number
  readonly address: string | null
  readonly agent: string | null
  readonly at: Date
}

/** One issued token. `expiresAt`: its `exp`, seconds since 1970. */
export type Exchange = Use & { readonly kid: string; readonly expiresAt: number }

/** An attempt to use an API key that was found and refused. `reason`: why, from a closed set. */
export type Attempt = Use & { readonly reason: string }

/**
 * The use of one version of an API key, added up. Times are milliseconds since 1970. Addresses and agents: the last
 * few, newest first.
 */
export type ApiKeyUse = {
  readonly apiKeyId: string
  readonly version: number
  /** Those for exchanges included. */
  authentications: number
  exchanges: number
  lastUsedAt: number
  /** Without exchanges: the last use. */
  lastExpiresAt: number
  addresses: readonly string[]
  agents: readonly string[]
}

/** The refused attempts to use one version of an API key, added up. `reason` is that of the last one. */
export type ApiKeyAttempts = Pick<ApiKeyUse, 'apiKeyId' | 'version' | 'addresses' | 'agents'> & {
  readonly attempts: number
  readonly lastAttemptAt: number
  readonly reason: string
}

/** The tokens of one signing key, added up. Times are milliseconds since 1970. */
export type SigningKeyUse = {
  readonly kid: string
  tokens: number
  lastSignedAt: number
  lastExpiresAt: number
}

export type FoldedUsage = {
  readonly apiKeys: readonly ApiKeyUse[]
  readonly attempts: readonly ApiKeyAttempts[]
  readonly signingKeys: readonly SigningKeyUse[]
}

/** Usage that is not written yet. Plain data, because the requests of a Workers isolate share it. */
export type PendingUsage = {
  addAuthentication(use: Use): void
  /** Its authentication is added separately. */
  addExchange(exchange: Exchange): void
  addAttempt(attempt: Attempt): void
  /** Returns everything added so far, and starts again from empty. */
  take(): FoldedUsage
  /** Puts back what could not be written. It counts as older than anything added in the meantime. */
  giveBack(usage: FoldedUsage): void
  /** How many versions of API keys are waiting. */
  size(): number
  /** How many uses and attempts were dropped for lack of room since the last call. */
  takeDropped(): number
}

const mostSigningKeys = 1000

/**
 * Adds up usage in memory, a few hundred nanoseconds each. At most `mostVersions` versions of keys wait. If the
 * database stays away and more versions are used, their uses are only counted as dropped.
 */
export function createPendingUsage({ mostVersions = 10_000 } = {}): PendingUsage {
  let apiKeys = new Map<string, ApiKeyUse>()
  let attempts = new Map<string, ApiKeyAttempts>()
  let signingKeys = new Map<string, SigningKeyUse>()
  let dropped = 0

  function addUse({ apiKeyId, version, address, agent, at }: Use, more: { readonly expiresAt?: number }): void {
    const name = `${apiKeyId} ${version}`
    const exchanges = more.expiresAt === undefined ? 0 : 1
    const authentications = 1 - exchanges
    const usedAt = at.getTime()
    const lastExpiresAt = more.expiresAt === undefined ? usedAt : more.expiresAt * 1000
    const held = apiKeys.get(name)
    if (held) {
      held.authentications += authentications
      held.exchanges += exchanges
      if (usedAt > held.lastUsedAt) held.lastUsedAt = usedAt
      if (lastExpiresAt > held.lastExpiresAt) held.lastExpiresAt = lastExpiresAt
      held.addresses = withNewest(held.addresses, address)
      held.agents = withNewest(held.agents, agent)
    } else if (apiKeys.size < mostVersions) {
      const lists = { addresses: withNewest([], address), agents: withNewest([], agent) }
      const counts = { authentications, exchanges, lastUsedAt: usedAt, lastExpiresAt }
      apiKeys.set(name, { apiKeyId, version, ...counts, ...lists })
    } else dropped += 1
  }

  function foldApiKey(use: ApiKeyUse): void {
    const name = `${use.apiKeyId} ${use.version}`
    const held = apiKeys.get(name)
    if (held) mergeOlder(held, use)
    else if (apiKeys.size < mostVersions) apiKeys.set(name, use)
    else dropped += use.authentications
  }

  function foldAttempts(added: ApiKeyAttempts): void {
    const name = `${added.apiKeyId} ${added.version}`
    const held = attempts.get(name)
    if (held || attempts.size < mostVersions) attempts.set(name, held ? together(held, added) : added)
    else dropped += added.attempts
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
    addAuthentication: (use) => addUse(use, {}),
    addExchange(exchange) {
      addUse(exchange, exchange)
      const { kid, at, expiresAt } = exchange
      foldSigningKey({ kid, tokens: 1, lastSignedAt: at.getTime(), lastExpiresAt: expiresAt * 1000 })
    },
    addAttempt({ apiKeyId, version, reason, address, agent, at }) {
      const lists = { addresses: withNewest([], address), agents: withNewest([], agent) }
      foldAttempts({ apiKeyId, version, reason, attempts: 1, lastAttemptAt: at.getTime(), ...lists })
    },
    take() {
      const taken = { apiKeys: [...apiKeys.values()], attempts: [...attempts.values()] }
      const signed = [...signingKeys.values()]
      apiKeys = new Map()
      attempts = new Map()
      signingKeys = new Map()
      return { ...taken, signingKeys: signed }
    },
    giveBack(usage) {
      for (const use of usage.apiKeys) foldApiKey(use)
      for (const added of usage.attempts) foldAttempts(added)
      for (const use of usage.signingKeys) foldSigningKey(use)
    },
    size: () => apiKeys.size + attempts.size,
    takeDropped() {
      const count = dropped
      dropped = 0
      return count
    },
  }
}

function mergeOlder(held: ApiKeyUse, older: ApiKeyUse): void {
  held.authentications += older.authentications
  held.exchanges += older.exchanges
  held.lastUsedAt = Math.max(held.lastUsedAt, older.lastUsedAt)
  held.lastExpiresAt = Math.max(held.lastExpiresAt, older.lastExpiresAt)
  held.addresses = lastFew([...held.addresses, ...older.addresses])
  held.agents = lastFew([...held.agents, ...older.agents])
}

function together(one: ApiKeyAttempts, other: ApiKeyAttempts): ApiKeyAttempts {
  const [newer, older] = other.lastAttemptAt >= one.lastAttemptAt ? [other, one] : [one, other]
  return {
    ...newer,
    attempts: one.attempts + other.attempts,
    addresses: lastFew([...newer.addresses, ...older.addresses]),
    agents: lastFew([...newer.agents, ...older.agents]),
  }
}
