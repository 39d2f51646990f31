import { describe, expect, test } from 'vitest'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { runRotations } from '../support/rotation-run.ts'

describe.runIf(databaseKinds.includes('postgres'))('eight processes on one PostgreSQL', () => {
  test('rotate their keys every few seconds, and no valid token is refused, no exchange fails, and no wrong key signs', async () => {
    const report = await runRotations({
      databaseUrl: await createPostgresDatabase(),
      instances: 8,
      rotations: 6,
      verifications: 1000,
      rotateEverySeconds: 3,
      pauseMilliseconds: 20,
      ceilingMilliseconds: 60_000,
    })
    console.info(
      `${report.rotations.token} + ${report.rotations.record} rotations, ${report.verifications} verifications of ${report.tokens} tokens under ${report.kids} keys in ${Math.round(report.seconds)} s`,
    )
    expect(report).toMatchObject({
      refused: [],
      unissued: [],
      signedByAnother: [],
      duplicateKids: 0,
      instancesThatSigned: 8,
    })
    expect(report.rotations.token + report.rotations.record).toBeGreaterThanOrEqual(12)
    expect(report.verifications).toBeGreaterThanOrEqual(1000)
    expect(report.kids).toBeGreaterThanOrEqual(6)
  })
})
