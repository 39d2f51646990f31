import { isAuthorityClaim } from './authority-claims.ts'

export type CustomClaims = Readonly<Record<string, unknown>>

/** Bytes of the claims as JSON in UTF-8. */
const mostBytes = 4096
/** Verifiers accept payloads of up to 32 levels. */
const deepest = 16
const longestName = 128

/**
 * Says what is wrong with the custom claims of a key, without repeating their content; undefined = nothing. Refuses
 * names with a registered meaning, names that a library takes for authority or identity, names that are not visible
 * ASCII, more than 4 KB, numbers that JSON cannot represent, and text that cannot be stored. Does not check the claims'
 * meaning: the resource server decides whether to trust them.
 */
export function faultInCustomClaims(claims: CustomClaims): string | undefined {
  const names = Object.keys(claims)
  if (!names.every((name) => name.length <= longestName && /^[\x21-\x7e]+$/.test(name))) {
    return `customClaims holds a name that is not 1 to ${longestName} visible ASCII characters.`
  }
  if (reservedNames(claims).length > 0) {
    return 'customClaims holds a reserved name: a registered JWT claim, a claim of the service, or one that a library takes for authority or identity. docs/reserved-claims.md lists them.'
  }
  if (!isSignable(claims, 1)) {
    return `customClaims cannot be signed: it holds NUL, half of a surrogate pair, a number that JSON cannot represent, a member __proto__, or more than ${deepest} levels.`
  }
  if (new TextEncoder().encode(JSON.stringify(claims)).length > mostBytes)
    return `customClaims is longer than ${mostBytes} bytes of JSON.`
  return undefined
}

/**
 * The names among the claims that nobody may set, in any case: Go's `encoding/json` reads `Sub` or `SCOPE` into the
 * field for `sub` or `scope`, and the last of them wins.
 */
export function reservedNames(claims: CustomClaims): string[] {
  return Object.keys(claims).filter((name) => {
    const folded = name.toLowerCase()
    return reserved.has(folded) || isAuthorityClaim(folded)
  })
}

function isSignable(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() && !value.includes('\0')
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      return (
        value === null ||
        (depth <= deepest && entriesOf(value).every(([name, member]) => isName(name) && isSignable(member, depth + 1)))
      )
    default:
      return false
  }
}

function entriesOf(value: object): (readonly [string, unknown])[] {
  return Array.isArray(value) ? value.map((item) => ['', item] as const) : Object.entries(value)
}

function isName(name: string): boolean {
  return name !== '__proto__' && name.isWellFormed() && !name.includes('\0')
}

/** Claims of the service that are not registered. `limits` has no use yet. */
const serviceClaims = 'org_id env key_version limits'

/** The registry "JSON Web Token Claims" (RFC 7519 §10.1), by source. */
const registered = [
  // RFC 7519
  'iss sub aud exp nbf iat jti',
  // Other RFCs
  'cnf sip_from_tag sip_date sip_callid sip_cseq_num sip_via_branch orig dest mky events toe txn vot vtm attest origid',
  'act scope client_id may_act jcard at_use_nbr div opt msgi rph sph',
  'roles groups entitlements ace_profile cnonce exi cdniv cdnicrit cdniip cdniuc cdniets cdnistt cdnistd sig_val_claims',
  'authorization_details htm htu ath sub_id token_introspection rcd rcdi crn nam icn jcl atc',
  // OpenID Connect and its extensions
  'name given_name family_name middle_name nickname preferred_username profile picture website email email_verified gender birthdate',
  'zoneinfo locale phone_number phone_number_verified address updated_at azp nonce auth_time at_hash c_hash s_hash acr amr sub_jwk sid',
  'verified_claims place_of_birth nationalities birth_family_name birth_given_name birth_middle_name salutation title msisdn also_known_as',
  '_claim_names _claim_sources jwks metadata metadata_policy metadata_policy_crit constraints crit authority_hints trust_anchor',
  'trust_anchor_hints trust_marks trust_mark_issuers trust_mark_owners trust_mark_type trust_chain source_endpoint delegation logo_uri ref',
  // Verifiable credentials, SD-JWT, Token Status List
  'vc vp _sd _sd_alg sd_hash ... vct vct#integrity status status_list ttl',
  // RFC 9711 (EAT)
  'eat_nonce ueid sueids oemid hwmodel hwversion oemboot dbgstat location eat_profile submods uptime bootcount bootseed dloas swname',
  'swversion manifests measurements measres intuse',
  // 3GPP, GeoHash
  'consumerPlmnId consumerSnpnId producerPlmnId producerSnpnId producerNfSetId producerNsiList producerNfServiceSetId producerSnssaiList',
  'sourceNfInstanceId analyticsIdList resOwnerId geohash',
]

const reserved: ReadonlySet<string> = new Set(
  [serviceClaims, ...registered].flatMap((names) => names.toLowerCase().split(' ')),
)
