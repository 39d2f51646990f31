/**
 * Names that a well-known library takes for authority or identity, by library. docs/reserved-claims.md has the sources.
 */
export const authorityClaims: Readonly<Record<string, string>> = {
  'Spring Security': 'scp authorities user_name',
  'Microsoft Entra ID': 'scp wids oid tid upn unique_name appid appidacr azpacr idp idtyp hasgroups',
  'ASP.NET Core': 'role nameid actort primarysid primarygroupsid winaccountname',
  Okta: 'scp uid cid',
  Auth0: 'permissions gty org_name',
  'Amazon Cognito': 'cognito:groups cognito:roles cognito:preferred_role cognito:username username token_use',
  Keycloak: 'realm_access resource_access trusted-certs allowed-origins organization',
  PostgREST: 'role',
  Supabase: 'role app_metadata user_metadata aal session_id is_anonymous user_role',
  Hasura: 'x-hasura-',
  Firebase: 'user_id firebase',
  ZITADEL: 'urn:zitadel:',
  Clerk: 'o org_role org_slug org_permissions fea pla',
  MinIO: 'policy',
  Kubernetes: 'kubernetes.io',
}

/** Names that begin like this mean authority or identity, whatever follows. */
const families = [
  'x-hasura-',
  'urn:zitadel:',
  'cognito:',
  'https://hasura.io/',
  'https://aws.amazon.com/',
  'http://schemas.microsoft.com/',
  'http://schemas.xmlsoap.org/',
]

const names = new Set(Object.values(authorityClaims).flatMap((listed) => listed.split(' ')))

/** Whether a library may read authority or identity from the claim. Some compare names without regard to case. */
export function isAuthorityClaim(name: string): boolean {
  const folded = name.toLowerCase()
  return names.has(folded) || families.some((start) => folded.startsWith(start))
}
