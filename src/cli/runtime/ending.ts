import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import { revocationReasons } from '../../revocation/reasons.ts'
import type { Impact } from '../../usage/impact.ts'
import { type Cli, print } from './command.ts'
import { type ConsentOptions, requireConsent, withConsent } from './consent.ts'
import { impactText } from './impact.ts'
import { member, membersOf } from './members.ts'

/**
 * What a verb does that ends keys, tokens, accounts or organizations. `ids` are its arguments; in `question` they are
 * safe to print.
 */
type Ending<Answer> = {
  /** Completes "cannot …". */
  readonly doing: string
  /** The question at a terminal; undefined: nothing to ask. */
  readonly question: (ids: readonly string[], options: EndingOptions) => string | undefined
  /** It ends many things at once: without a terminal it needs --yes. */
  readonly dangerous?: boolean
  readonly path: (ids: readonly string[]) => string
  /** Sends the request; POST when absent. */
  readonly send?: (path: string, doing: string) => Promise<Answer>
  /** What is printed afterwards: `json` for scripts, `text` for people. */
  readonly done: (done: { answer: Answer; ids: readonly string[]; options: EndingOptions }) => {
    readonly json: unknown
    readonly text: string
  }
  /** A dry run answers what the change itself would answer, and not an impact. */
  readonly dryRunAnswers?: boolean
}

type EndingOptions = ConsentOptions & { readonly at?: string; readonly kind?: string; readonly value?: string }

/** Dry run or consent → request → print. The options that `member` declared are the body. */
export function endingVerb<Answer = unknown>(command: Command, cli: Cli, ending: Ending<Answer>): Command {
  return withConsent(command).action(async () => {
    const options: EndingOptions = command.optsWithGlobals()
    const path = ending.path(command.args)
    const body = membersOf(command)
    if (options.dryRun && !ending.dryRunAnswers) {
      const impact = await cli.api().post<Impact>(path, `try to ${ending.doing}`, body)
      print(cli, options, impact, () => impactText(impact))
      return
    }
    const question = ending.question(command.args.map(printableText), options)
    if (question !== undefined) {
      await requireConsent(cli, options, { question, dangerous: ending.dangerous ?? false })
    }
    const doing = options.dryRun ? `try to ${ending.doing}` : ending.doing
    const answer = await (ending.send ?? cli.api().post<Answer>)(path, doing, body)
    const { json, text } = ending.done({ answer, ids: command.args, options })
    print(cli, options, json, () => text)
  })
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
