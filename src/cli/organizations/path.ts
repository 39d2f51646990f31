/** For the examples in help. */
export const exampleOrganization = 'org_0192f0c4a1b27c3d'

/** The admin API's path of an organization; `rest` begins with a slash. */
export function organizationPath(id: string, rest = ''): string {
  return `/v1/organizations/${encodeURIComponent(id)}${rest}`
}
