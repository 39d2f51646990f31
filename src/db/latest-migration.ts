// `npm run generate` writes this file from drizzle/meta/_journal.json, which a Worker cannot read. Do not edit it.
export const latestMigration = { tag: '0008_usage_without_exchange', when: 1795935687538 } as const
