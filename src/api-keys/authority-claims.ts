/**
 * Names that a well-known library takes for authority or identity, by library. docs/reserved-claims.md has the sources.
 */
export const authorityClaims: Readonly<Record<string, string>> = {
  'Spring Security': 'scp authorities user_name',
  'Microsoft Entra ID': 'scp wids oid tid upn unique_name appid appidacr azpacr idp idtyp hasgroups',
  '.NET': [
    'role group nameid unique_name upn ppid commonname actort authmethod adfs1email adfs1upn groupsid primarysid primarygroupsid',
    'denyonlysid denyonlyprimarysid denyonlyprimarygroupsid winaccountname certsubject certsubjectname certthumbprint',
    'deviceid deviceismanaged isregistereduser insidecorporatenetwork',
  ].join(' '),
  Okta: 'scp uid cid',
  Auth0: 'permissions gty org_name',
  'Amazon Cognito': 'cognito:groups cognito:roles cognito:preferred_role cognito:username username token_use',
  Keycloak: 'realm_access resource_access authorization trusted-certs allowed-origins organization',
  'Ory Oathkeeper': 'scp scopes',
  PostgREST: 'role',
  Supabase: 'role app_metadata user_metadata aal session_id is_anonymous user_role',
  Hasura: 'x-hasura-',
  Firebase: 'user_id firebase',
  ZITADEL: 'urn:zitadel:',
  Clerk: 'o org_role org_slug org_permissions fea pla',
  MinIO: 'policy',
  Kubernetes: 'kubernetes.io kubernetes.io/',
  'Docker registry': 'access',
  Mercure: 'mercure https://mercure.rocks/',
}

/** Names that begin like this mean authority or identity, whatever follows. */
const families = [
  'x-hasura-',
  'urn:zitadel:',
  'cognito:',
  'kubernetes.io/',
  'https://hasura.io/',
  'https://aws.amazon.com/',
  'http://schemas.microsoft.com/',
  'http://schemas.xmlsoap.org/',
]

const names = new Set(Object.values(authorityClaims).flatMap((listed) => listed.split(' ')))

/** Whether a library may read authority or identity from the claim. `name` in lower case. */
export function isAuthorityClaim(name: string): boolean {
  return names.has(name) || families.some((start) => name.startsWith(start))
}
