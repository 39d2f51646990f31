import { migrate } from '../src/db/migrate.ts'
import { type RotationReport, runRotations } from '../test/support/rotation-run.ts'
import { openPostgresForBench } from './database.ts'

const rotateEverySeconds = 2.2

/**
 * 200 rotations by eight processes on one PostgreSQL, and at least 50,000 verifications by verifiers that keep the key
 * set as long as allowed. Takes seven and a half minutes: `npm run bench -- --only rotation`.
 */
export async function benchRotation(): Promise<void> {
  const database = await openPostgresForBench()
  if (!database) {
    console.log('\nrotation: skipped: it needs PostgreSQL (server binaries, or TEST_DATABASE_URL)')
    return
  }
  try {
    await migrate(database.url)
    let told = 0
    const report = await runRotations({
      databaseUrl: database.url,
      instances: 8,
      rotations: 200,
      verifications: 50_000,
      rotateEverySeconds,
      pauseMilliseconds: 20,
      ceilingMilliseconds: 480_000,
      onProgress(soFar) {
        if (soFar.seconds - told < 60) return
        told = soFar.seconds
        print(soFar)
      },
    })
    print(report)
    const faults = [...report.refused, ...report.unissued, ...report.signedByAnother]
    for (const fault of faults.slice(0, 20)) console.log(`  ${fault}`)
    if (faults.length > 0 || report.duplicateKids > 0) process.exitCode = 1
  } finally {
    await database.close()
  }
}

function print(report: RotationReport): void {
  const { seconds, rotations, verifications, tokens, kids, instancesThatSigned } = report
  const number = (value: number) => value.toLocaleString('en-US')
  console.log(
    `\nrotation, ${seconds.toFixed(0)} s, one every ${rotateEverySeconds} s: ${rotations.token} of token keys, ${rotations.record} of record keys
  ${number(verifications)} verifications of ${number(tokens)} tokens under ${kids} keys, signed by ${instancesThatSigned} processes
  good tokens refused ${report.refused.length} · exchanges without a token ${report.unissued.length} · tokens under a key that was not the active one ${report.signedByAnother.length} · kids twice in a set ${report.duplicateKids}`,
  )
}
