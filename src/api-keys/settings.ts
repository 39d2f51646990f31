import type { Config } from '../config/settings.ts'
import { invalidRequest } from '../errors.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { faultInTokenSize } from '../oauth/token-size.ts'
import type { CustomClaims } from './custom-claims.ts'
import type { ApiKeyEnvironment } from './format.ts'
import { checkedCidrs, checkedClaims, startsLikeOurs, type Texts, unique } from './setting-checks.ts'

type Text = string | null | undefined

/** What the check of a setting may use besides the given value. `apiKeyPrefixes`: how secrets of this service start. */
type Facts = {
  readonly environment: ApiKeyEnvironment
  readonly now: Date
  readonly apiKeyPrefixes: readonly string[]
}

/**
 * Every setting of an API key: what a caller may give (undefined = not given) → what is stored and shown. Types,
 * drafts, changes, views and audit events follow this table. A new setting also needs its column (db/schema.ts), its
 * schemas (http/admin/api-key-schemas.ts) and its option (cli/api-keys/settings.ts). An entry throws `invalid_request`
 * naming itself. Lengths are checked by the HTTP schemas.
 */
const settings = {
  name: (given: string) => given,
  description: (given: string | undefined) => given ?? '',
  labels: (given: Texts) => unique(given),
  /** A service account of the key's organization. */
  serviceAccountId: (given: Text) => given ?? null,
  /** RFC 6749 §3.3 scope tokens. */
  scopes: (given: Texts) => {
    if (given?.every(isScopeToken) === false)
      throw invalidRequest('scopes holds an invalid scope token (RFC 6749 §3.3).')
    return unique(given)
  },
  /** Audiences in addition to the service's default one. */
  audiences: (given: Texts) => {
    if (given?.every((audience) => /^[\x21-\x7e]+$/.test(audience)) === false)
      throw invalidRequest('audiences holds an entry that is empty or not visible ASCII.')
    return unique(given)
  },
  /** Built-in roles, and custom roles of the organization. */
  roles: (given: Texts, { environment }: Facts) => {
    if (given !== undefined && given.length > 0 && environment === 'test')
      throw invalidRequest('A test key cannot have roles, because roles act on live data.')
    return unique(given)
  },
  /** `sub` of the key's tokens; null = the key's id. */
  subject: (given: Text, { apiKeyPrefixes }: Facts) => {
    if (given && startsLikeOurs(given, apiKeyPrefixes))
      throw invalidRequest('subject starts with a prefix that is reserved for the ids of the service.')
    return given ?? null
  },
  /** JWS algorithm that signs the key's tokens; null = the service's default. */
  tokenAlgorithm: (given: Text) => given ?? null,
  /** Claims that the key's tokens carry in addition to those of the service. */
  customClaims: (given: CustomClaims | null | undefined) => checkedClaims(given ?? null),
  /** CIDR ranges, stored in canonical form. An empty list allows every address. */
  allowedCidrs: (given: Texts) => checkedCidrs('allowedCidrs', given),
  deniedCidrs: (given: Texts) => checkedCidrs('deniedCidrs', given),
  /** The key's own limit; null = the plan's. */
  requestsPerMinute: (given: number | null | undefined) => given ?? null,
  /** Rotation policy; null = none. */
  rotateEverySeconds: (given: number | null | undefined) => given ?? null,
  /** Null = never. */
  expiresAt: (given: Date | null | undefined, { now }: Facts) => {
    if (given && !(given > now)) throw invalidRequest('expiresAt is not in the future.')
    return given ?? null
  },
}

/** The part of the configuration that decides what the tokens of a key contain. */
export type TokenConfig = Pick<Config, 'apiKeyPrefixes' | 'audience' | 'issuer'>

type Settings = typeof settings
const settingNames = Object.keys(settings) as (keyof Settings)[]

/** What a caller may set when it creates, updates or rotates a key; absent = the default, or unchanged. */
export type ApiKeyChange = { readonly [Name in keyof Settings]?: Parameters<Settings[Name]>[0] | undefined }

export type ApiKeyInput = ApiKeyChange & {
  readonly name: string
  readonly environment: ApiKeyEnvironment
  /** Absent = the caller's own organization. */
  readonly organizationId?: string | undefined
}

/** All settings of a key as they are stored, and its environment, which never changes. */
export type ApiKeyDraft = { [Name in keyof Settings]: ReturnType<Settings[Name]> } & { environment: ApiKeyEnvironment }

/** The same as the admin API and the audit trail show it: times are RFC 3339 texts. */
export type ShownSettings = { [Name in keyof ApiKeyDraft]: Shown<ApiKeyDraft[Name]> }
type Shown<Value> = Value extends Date ? string : Value

/** Setting → its previous and its new value, as shown. */
type SettingChanges = Record<string, { readonly from: unknown; readonly to: unknown }>

/**
 * The key as it will be stored: defaults filled in, duplicates removed, CIDR ranges in canonical form. Throws
 * `invalid_request` naming the wrong setting, also when the key's tokens would be too long for verifiers. Does not
 * check whether the caller may grant this (access/authorize.ts), the plan's limits, the lifetime policy, or whether the
 * service account and a signing key of the algorithm exist.
 */
export function draftApiKey(
  input: ApiKeyChange & Pick<ApiKeyInput, 'name' | 'environment'>,
  now: Date,
  { apiKeyPrefixes, issuer, audience }: TokenConfig,
): ApiKeyDraft {
  const { environment } = input
  const facts = { environment, now, apiKeyPrefixes }
  const read = settingNames.map((name) => [name, settings[name](input[name] as never, facts)])
  const draft: ApiKeyDraft = { ...Object.fromEntries(read), environment }
  const fault = faultInTokenSize(draft, { issuer, defaultAudience: audience })
  if (fault !== undefined) throw invalidRequest(fault)
  return draft
}

/** The stored key with the change applied, checked like a new one. Throws `invalid_request`. */
export function changedDraft(
  previous: Readonly<ApiKeyDraft>,
  change: ApiKeyChange,
  now: Date,
  config: TokenConfig,
): ApiKeyDraft {
  const { environment } = previous
  const merged = settingNames.map((name) => [name, change[name] === undefined ? previous[name] : change[name]])
  return draftApiKey({ ...Object.fromEntries(merged), environment }, now, config)
}

/** The settings that differ. The order within a list counts, and so does the order of claims. */
export function changesOf(previous: Readonly<ApiKeyDraft>, draft: Readonly<ApiKeyDraft>): SettingChanges {
  const [before, after] = [shownSettings(previous), shownSettings(draft)]
  const changed = settingNames.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  return Object.fromEntries(changed.map((name) => [name, { from: before[name], to: after[name] }]))
}

/** Only the settings, even where the object holds more. */
export function shownSettings(draft: Readonly<ApiKeyDraft>): ShownSettings {
  const shown = settingNames.map((name) => [
    name,
    draft[name] instanceof Date ? draft[name].toISOString() : draft[name],
  ])
  return { ...Object.fromEntries(shown), environment: draft.environment }
}
