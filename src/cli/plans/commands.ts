import type { Command } from 'commander'
import type { PlanView } from '../../plans/operations.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, noun, print, verb } from '../runtime/command.ts'
import { fields, printable, table } from '../runtime/output.ts'

type Limits = { perMinute?: number; perMonth?: number; keys?: number; overlap?: number; maxOverlap?: number }
type Options = Limits & { revision?: number; json?: boolean }

const pathOf = (name: string) => `/v1/plans/${encodeURIComponent(name)}`

export function plansCommand(cli: Cli): Command {
  const plans = noun('plans', 'list plans, and make own ones', 'mintage plans list')

  verb(plans, 'list', 'list plans, built-in ones first', 'mintage plans list').action(
    async (options: { json?: boolean }) => {
      const page = await cli.api().get<{ items: PlanView[] }>('/v1/plans', 'list plans')
      print(cli, options, page, () =>
        table(page.items, [
          { title: 'name', value: ({ name }) => name },
          { title: 'a minute', value: ({ requestsPerMinute }) => requestsPerMinute },
          { title: 'a month', value: ({ requestsPerMonth }) => requestsPerMonth },
          { title: 'keys', value: ({ apiKeys }) => apiKeys },
          {
            title: 'overlap',
            value: ({ defaultOverlapSeconds, maxOverlapSeconds }) => `${defaultOverlapSeconds}/${maxOverlapSeconds} s`,
          },
          { title: 'kind', value: ({ builtIn }) => (builtIn ? 'built in' : 'own') },
        ]),
      )
    },
  )

  verb(plans, 'show', 'show a plan', 'mintage plans show pro')
    .argument('<name>', 'name of the plan')
    .action(async (name: string, options: { json?: boolean }) => {
      const plan = await cli.api().get<PlanView>(pathOf(name), 'show the plan')
      print(cli, options, plan, () => planFields(plan))
    })

  const create = verb(plans, 'create', 'create a plan of your own', 'mintage plans create startup --keys 5')
  withLimits(create.argument('<name>', 'small letters, digits and hyphens'), startup).action(
    async (name: string, options: Options) => {
      const plan = await cli.api().post<PlanView>('/v1/plans', 'create the plan', { name, ...limitsOf(options) })
      print(cli, options, plan, () => planFields(plan))
    },
  )

  const update = verb(
    plans,
    'update',
    'change limits, for everybody on the plan',
    'mintage plans update startup --keys 6',
  )
  withLimits(update.argument('<name>', 'name of an own plan'), {})
    .option('--revision <number>', 'only from this revision on', wholeNumber)
    .action(async (name: string, options: Options) => {
      const plan = await cli.api().patch<PlanView>(pathOf(name), 'change the plan', limitsOf(options), options.revision)
      print(cli, options, plan, () => planFields(plan))
    })

  verb(plans, 'delete', 'delete an own plan that nobody is on', 'mintage plans delete startup')
    .argument('<name>', 'name of an own plan')
    .action(async (name: string, options: { json?: boolean }) => {
      await cli.api().remove(pathOf(name), 'delete the plan')
      print(cli, options, { name, deleted: true }, () => `deleted ${printable(name)}`)
    })

  return plans
}

/** What a new plan has where nothing is said: as much as Free. */
const startup: Limits = { perMinute: 10, perMonth: 1000, keys: 2, overlap: 3600, maxOverlap: 86_400 }

function withLimits(command: Command, defaults: Limits): Command {
  return command
    .option('--per-minute <number>', 'requests a minute', wholeNumber, defaults.perMinute)
    .option('--per-month <number>', 'requests a month', wholeNumber, defaults.perMonth)
    .option('--keys <number>', 'API keys', wholeNumber, defaults.keys)
    .option('--overlap <seconds>', 'of a rotation, unless told', wholeNumber, defaults.overlap)
    .option('--max-overlap <seconds>', 'of a rotation, at most', wholeNumber, defaults.maxOverlap)
}

function limitsOf({ perMinute, perMonth, keys, overlap, maxOverlap }: Limits) {
  return {
    requestsPerMinute: perMinute,
    requestsPerMonth: perMonth,
    apiKeys: keys,
    defaultOverlapSeconds: overlap,
    maxOverlapSeconds: maxOverlap,
  }
}

function planFields(plan: PlanView): string {
  return fields({
    name: plan.name,
    'requests a minute': plan.requestsPerMinute,
    'requests a month': plan.requestsPerMonth,
    'API keys': plan.apiKeys,
    overlap: `${plan.defaultOverlapSeconds} s`,
    'overlap at most': `${plan.maxOverlapSeconds} s`,
    kind: plan.builtIn ? 'built in' : 'own',
    created: plan.createdAt,
    revision: plan.revision,
  })
}
