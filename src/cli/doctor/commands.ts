import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { CliError } from '../runtime/failure.ts'
import { withSpinner } from '../runtime/progress.ts'
import { examineDatabase } from './database.ts'
import type { Finding } from './finding.ts'
import { examineService } from './service.ts'

/**
 * `mintage doctor`: checks the database from here and the service as its clients see it. Changes nothing. Exit code 1
 * when a check failed.
 */
export function addDoctorCommand(program: Command, cli: Cli): void {
  verb(program, 'doctor', 'check the database, the keys, the clocks and the service itself', 'mintage doctor').action(
    async (options: { json?: boolean }) => {
      const findings = await withSpinner(cli, options, 'checking', async () => [
        ...(await examineDatabase(cli)),
        ...(await examineService(cli)),
      ])
      const failed = findings.filter(({ state }) => state === 'failed').length
      print(cli, options, { healthy: failed === 0, checks: findings }, () => findings.map(line).join('\n'))
      if (failed === 0) return
      throw new CliError(`${failed} of ${findings.length} checks failed`, {
        code: 'unhealthy',
        hint: 'fix the first one that failed, then run it again: mintage doctor',
      })
    },
  )
}

function line({ name, state, detail, hint }: Finding): string {
  const first = `${state.padEnd(7)}  ${name.padEnd(20)}  ${printableText(detail ?? '')}`.trimEnd()
  return hint === undefined ? first : `${first}\n${' '.repeat(9)}→ ${hint}`
}
