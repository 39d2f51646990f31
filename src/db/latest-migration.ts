// `npm run generate` writes this file from drizzle/meta/_journal.json, which a Worker cannot read. Do not edit it.
export const latestMigration = { tag: '0011_rotations_can_be_cancelled', when: 1795951082107 } as const
