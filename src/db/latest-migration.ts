// `npm run generate` writes this file from drizzle/meta/_journal.json, which a Worker cannot read. Do not edit it.
export const latestMigration = { tag: '0007_holders_of_roles', when: 1795157952002 } as const
