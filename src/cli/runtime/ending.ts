import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import { revocationReasons } from '../../revocation/reasons.ts'
import type { Impact } from '../../usage/impact.ts'
import { type Cli, print } from './command.ts'
import { type ConsentOptions, requireConsent, withConsent } from './consent.ts'
import { impactText } from './impact.ts'
import { asQuery, member, membersOf } from './members.ts'

/**
 * What a verb does that ends keys, tokens, accounts or organizations. `ids` are its arguments; in `question` they are
 * safe to print.
 */
export type Ending<Answer, Trial = Impact> = Question<Trial> & {
  /** Completes "cannot …". */
  readonly doing: string
  readonly path: (ids: readonly string[]) => string
  /** It changes something that exists: PATCH, with the body and `--revision`. */
  readonly patches?: true
  /** It deletes: DELETE, with the members in the query. */
  readonly deletes?: true
  /** What is printed afterwards: `json` for scripts, `text` and then `warnings` for people. */
  readonly done: (done: { answer: Answer; ids: readonly string[]; options: EndingOptions }) => Printed
  /** After the answer was printed; returns more warnings. */
  readonly afterwards?: (answer: Answer) => Promise<readonly string[]>
  /** A dry run answers what the change itself would answer, and not an impact. */
  readonly dryRunAnswers?: boolean
  /** What people see of a dry run. Absent: the dry run answers an `Impact`. */
  readonly trialText?: (trial: Trial) => string
}

type Printed = { readonly json: unknown; readonly text: string; readonly warnings?: readonly string[] }

/** What the person is asked. Undefined: the command ends nothing, and runs. */
type Question<Trial> =
  | { readonly question: (ids: readonly string[], options: EndingOptions) => string | undefined }
  /** For verbs whose effect only the service knows: a dry run goes first. */
  | {
      readonly questionAfterTrial: (trial: Trial, ids: readonly string[], options: EndingOptions) => string | undefined
    }

type EndingOptions = ConsentOptions & {
  readonly at?: string
  readonly kind?: string
  readonly value?: string
  readonly revision?: number
  readonly force?: boolean
  readonly revokeFormer?: boolean
}

/** Dry run or consent → request → print. The options that `member` declared are the body. */
export function endingVerb<Answer = unknown, Trial = Impact>(
  command: Command,
  cli: Cli,
  ending: Ending<Answer, Trial>,
): Command {
  return withConsent(command).action(() => runEnding(command, cli, ending))
}

/** As `endingVerb`, for a command that chooses by its options what it does. */
export async function runEnding<Answer, Trial>(
  command: Command,
  cli: Cli,
  ending: Ending<Answer, Trial>,
): Promise<void> {
  const options: EndingOptions = command.optsWithGlobals()
  const path = ending.path(command.args)
  const body = membersOf(command)
  const send = <Sent>(doing: string, sent: Record<string, unknown>) => {
    if (ending.deletes) return cli.api().remove<Sent>(path, doing, asQuery(sent))
    return ending.patches
      ? cli.api().patch<Sent>(path, doing, sent, options.revision)
      : cli.api().post<Sent>(path, doing, sent)
  }
  const doing = options.dryRun ? `try to ${ending.doing}` : ending.doing
  if (options.dryRun && !ending.dryRunAnswers) {
    const trial = await send<Trial>(doing, body)
    print(cli, options, trial, () => (ending.trialText ?? shownImpact)(trial))
    return
  }
  if (!options.yes && !options.dryRun) {
    const ids = command.args.map(printableText)
    const question =
      'question' in ending
        ? ending.question(ids, options)
        : ending.questionAfterTrial(await send<Trial>(doing, { ...body, dryRun: true }), ids, options)
    if (question !== undefined) await requireConsent(cli, options, question)
  }
  const answer = await send<Answer>(doing, body)
  const { json, text, warnings = [] } = ending.done({ answer, ids: command.args, options })
  print(cli, options, json, () => text)
  const more = (await ending.afterwards?.(answer)) ?? []
  if (!options.json) for (const warning of [...warnings, ...more]) cli.output.warn(warning)
}

/** Without a `trialText`, the trial is an `Impact`. */
function shownImpact<Trial>(trial: Trial): string {
  return impactText(trial as Trial & Impact)
}

/** Why, for the audit trail. */
export function withReason(command: Command): Command {
  return command
    .addOption(
      member('reason', '--reason <reason>', 'why, for the audit trail').choices(revocationReasons).default('other'),
    )
    .addOption(member('text', '--text <text>', 'why, in your own words'))
}

export function withDryRun(command: Command): Command {
  return command.addOption(member('dryRun', '--dry-run', 'show what would break, change nothing'))
}

export function withForce(command: Command): Command {
  return command.addOption(member('force', '--force', 'even the last root key or the last administrator'))
}
