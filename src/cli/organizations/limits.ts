import { type Command, InvalidArgumentError } from 'commander'
import type { ChangedLimits, PlanMisfits, PolicyMisfits } from '../../organizations/change-limits.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { withDryRun } from '../runtime/ending.ts'
import { organizationFields } from './fields.ts'
import { exampleOrganization, organizationPath } from './path.ts'

type LimitOptions = JsonOption & { dryRun?: boolean }

/** The verbs of `organizations` that change what its API keys may be. Both say what no longer fits. */
export function addLimitVerbs(organizations: Command, cli: Cli): void {
  const plan = `mintage organizations change-plan ${exampleOrganization} pro`
  withDryRun(verb(organizations, 'change-plan', 'put it on another plan', plan))
    .argument('<id>', 'id of the organization')
    .argument('<plan>', 'free, pro, enterprise or a custom plan')
    .action(async (id: string, name: string, options: LimitOptions) => {
      const body = { plan: name, dryRun: options.dryRun }
      const path = organizationPath(id, '/change-plan')
      show(cli, options, await cli.api().post<ChangedLimits<PlanMisfits>>(path, 'change the plan', body))
    })

  const policy = `mintage organizations change-policy ${exampleOrganization} 7776000`
  withDryRun(verb(organizations, 'change-policy', 'limit how long its keys may live', policy))
    .argument('<id>', 'id of the organization')
    .argument('<seconds>', 'longest lifetime of a new key, or never', lifetime)
    .action(async (id: string, maxKeyLifetimeSeconds: number | null, options: LimitOptions) => {
      const body = { maxKeyLifetimeSeconds, dryRun: options.dryRun }
      const path = organizationPath(id, '/change-policy')
      show(cli, options, await cli.api().post<ChangedLimits<PolicyMisfits>>(path, 'change the lifetime policy', body))
    })
}

function show(cli: Cli, options: LimitOptions, changed: ChangedLimits<PlanMisfits | PolicyMisfits>): void {
  print(cli, options, changed, () => (changed.dryRun ? 'dry run: nothing was changed' : organizationFields(changed)))
  if (options.json) return
  for (const warning of warningsOf(changed.noLongerFits)) cli.output.warn(warning)
}

function warningsOf(misfits: PlanMisfits | PolicyMisfits): string[] {
  const warnings: [what: string, count: number, rest: string][] =
    'apiKeys' in misfits
      ? [
          ['API keys beyond the plan', misfits.apiKeys, 'They keep working, but no new one can be created.'],
          ['previous secrets that work for longer than the plan allows', misfits.overlaps, 'They keep working.'],
        ]
      : [
          ['API keys that never expire', misfits.withoutEnd, 'They keep working, and can be narrowed and rotated.'],
          ['API keys that expire later', misfits.endingLater, 'They keep working, and can be narrowed and rotated.'],
        ]
  return warnings.filter(([, count]) => count > 0).map(([what, count, rest]) => `${what}: ${count}. ${rest}`)
}

function lifetime(text: string): number | null {
  if (text === 'never') return null
  if (!/^\d{1,9}$/.test(text) || Number(text) < 60)
    throw new InvalidArgumentError('it must be whole seconds, at least 60, or never.')
  return Number(text)
}
