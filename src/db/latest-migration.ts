// `npm run generate` writes this file from drizzle/meta/_journal.json, which a Worker cannot read. Do not edit it.
export const latestMigration = { tag: '0016_rotated_with_reach', when: 1795958046933 } as const
