import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import type { ChangedPlanLimits, PlanView } from '../../plans/operations.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, noun, print, showVerb, verb } from '../runtime/command.ts'
import { withDryRun } from '../runtime/ending.ts'
import { listVerb } from '../runtime/list.ts'
import { addOptions, member, membersOf } from '../runtime/members.ts'
import { fields } from '../runtime/output.ts'

const pathOf = (name: string) => `/v1/plans/${encodeURIComponent(name)}`

export function addPlansCommand(program: Command, cli: Cli): void {
  const plans = noun(program, 'plans', 'list plans, and create custom ones', 'mintage plans list')

  listVerb<PlanView>(plans, cli, {
    path: '/v1/plans',
    what: 'plans',
    whole: 'built-in ones first',
    example: 'mintage plans list',
    columns: [
      { title: 'name', value: ({ name }) => name },
      { title: 'a minute', value: ({ requestsPerMinute }) => requestsPerMinute },
      { title: 'a month', value: ({ requestsPerMonth }) => requestsPerMonth },
      { title: 'keys', value: ({ apiKeys }) => apiKeys },
      {
        title: 'overlap',
        value: ({ defaultOverlapSeconds, maxOverlapSeconds }) => `${defaultOverlapSeconds}/${maxOverlapSeconds} s`,
      },
      { title: 'kind', value: ({ builtIn }) => (builtIn ? 'built in' : 'custom') },
    ],
  })

  showVerb<PlanView>(plans, cli, {
    what: 'a plan',
    example: 'mintage plans show pro',
    argument: ['<name>', 'name of the plan'],
    path: pathOf,
    words: planFields,
  })

  const create = verb(plans, 'create', 'create a custom plan', 'mintage plans create startup --keys 5')
  create.argument('<name>', 'lowercase letters, digits and hyphens')
  addOptions(create, limitOptions(freeLimits)).action(async (name: string, options: JsonOption) => {
    const plan = await cli.api().post<PlanView>('/v1/plans', 'create the plan', { name, ...membersOf(create) })
    print(cli, options, plan, () => planFields(plan))
  })

  const summary = 'change the limits of everyone on a custom plan'
  const update = verb(plans, 'update', summary, 'mintage plans update startup --keys 6')
  update.argument('<name>', 'name of a custom plan')
  withDryRun(addOptions(update, limitOptions()))
    .option('--revision <number>', 'fail if the revision is no longer this one', wholeNumber)
    .action(async (name: string, options: JsonOption & { revision?: number }) => {
      const [path, body] = [pathOf(name), membersOf(update)]
      const plan = await cli.api().patch<ChangedPlanLimits>(path, 'change the plan', body, options.revision)
      print(cli, options, plan, () => (plan.dryRun ? 'dry run: nothing was changed' : planFields(plan)))
      const { organizations, apiKeys } = plan.noLongerFits
      if (apiKeys > 0 && !options.json)
        cli.output.warn(
          `API keys beyond the plan: ${apiKeys}, organizations with them: ${organizations}. They keep working.`,
        )
    })

  verb(plans, 'delete', 'delete a custom plan that nobody uses', 'mintage plans delete startup')
    .argument('<name>', 'name of a custom plan')
    .action(async (name: string, options: JsonOption) => {
      await cli.api().remove(pathOf(name), 'delete the plan')
      print(cli, options, { name, deleted: true }, () => `deleted ${printableText(name)}`)
    })
}

type Limits = { perMinute: number; perMonth: number; keys: number; overlap: number; maxOverlap: number }

/** What a new plan has where no option says otherwise: as much as Free. */
const freeLimits: Limits = { perMinute: 10, perMonth: 1000, keys: 2, overlap: 3600, maxOverlap: 86_400 }

function limitOptions(defaults?: Limits) {
  const limit = (name: string, flags: string, description: string, initial: number | undefined) =>
    member(name, flags, description, wholeNumber).default(initial)
  return [
    limit('requestsPerMinute', '--per-minute <number>', 'requests a minute', defaults?.perMinute),
    limit('requestsPerMonth', '--per-month <number>', 'requests a month', defaults?.perMonth),
    limit('apiKeys', '--keys <number>', 'API keys', defaults?.keys),
    limit('defaultOverlapSeconds', '--overlap <seconds>', 'default overlap of a rotation', defaults?.overlap),
    limit('maxOverlapSeconds', '--max-overlap <seconds>', 'longest overlap of a rotation', defaults?.maxOverlap),
  ]
}

function planFields(plan: PlanView): string {
  return fields({
    name: plan.name,
    'requests a minute': plan.requestsPerMinute,
    'requests a month': plan.requestsPerMonth,
    'API keys': plan.apiKeys,
    overlap: `${plan.defaultOverlapSeconds} s`,
    'overlap at most': `${plan.maxOverlapSeconds} s`,
    kind: plan.builtIn ? 'built in' : 'custom',
    created: plan.createdAt,
    revision: plan.revision,
  })
}
