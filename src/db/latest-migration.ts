// `npm run generate` writes this file from drizzle/meta/_journal.json, which a Worker cannot read. Do not edit it.
export const latestMigration = { tag: '0013_one_number', when: 1795954823938 } as const
