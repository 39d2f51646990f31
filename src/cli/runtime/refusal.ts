import type { Command } from 'commander'
import { asClause, CliError } from './failure.ts'
import { withOptionNames } from './members.ts'

type Problem = {
  /** The code of the admin API's problem (RFC 9457), or the OAuth error (RFC 6749 §5.2). */
  readonly code: string
  readonly detail: string
  readonly safeAt?: string
}

/** The service refused a request. `doing` completes "cannot …". */
export class RefusalError extends CliError {
  readonly doing: string
  /** The service's own words. */
  readonly detail: string

  constructor(doing: string, { code, detail }: Problem, hint: string | undefined) {
    super(`cannot ${doing}: ${asClause(detail)}`, { code, hint })
    this.doing = doing
    this.detail = detail
  }
}

export function refusal(doing: string, response: Response, text: string): RefusalError {
  const problem = readProblem(text) ?? { code: 'failed', detail: `The service answered ${response.status}.` }
  return new RefusalError(doing, problem, hintFor(problem, response))
}

/** The refusal in words of the command that was typed: its options instead of JSON members, its verbs in the hint. */
export function inWordsOf(command: Command, { doing, detail, code, hint }: RefusalError): RefusalError {
  const problem = { code, detail: withOptionNames(detail, command) }
  return new RefusalError(doing, problem, hint ?? commandHint(command, code))
}

/** The words to type for a command, its options and arguments left out. */
function wordsOf(command: Command): string {
  return command.parent === null ? command.name() : `${wordsOf(command.parent)} ${command.name()}`
}

function readProblem(text: string): Problem | undefined {
  try {
    const body: { code?: unknown; detail?: unknown; error?: unknown; error_description?: unknown; safeAt?: unknown } =
      JSON.parse(text)
    const code = body.code ?? body.error
    const detail = body.detail ?? body.error_description ?? code
    if (typeof code !== 'string' || typeof detail !== 'string') return undefined
    return { code, detail, ...(typeof body.safeAt === 'string' ? { safeAt: body.safeAt } : {}) }
  } catch {
    return undefined
  }
}

function hintFor({ code, safeAt }: Problem, response: Response): string | undefined {
  switch (code) {
    case 'unauthenticated':
    case 'api_key_rejected':
    case 'invalid_client':
      return 'the key is unknown, revoked or expired: set MINTAGE_API_KEY to a key that works'
    case 'permission_denied':
      return '`mintage me` shows what this key may do'
    case 'too_early':
      return `wait until ${safeAt ?? 'then'}; in an incident: mintage signing-keys rotate --force`
    case 'invalid_scope':
    case 'invalid_target':
      return '`mintage me` shows what this key holds'
    case 'plan_limit_reached':
      return 'revoke a key that is not needed, or see what other plans allow: mintage plans list'
    case 'lifetime_not_allowed':
      return 'give an earlier --expires-at'
    case 'internal':
      return 'check the log of the service, and run: mintage doctor'
    default:
      return response.status === 503 ? `try again in ${response.headers.get('retry-after') ?? '1'} s` : undefined
  }
}

/** The next command to type, where only the refused command says which. */
function commandHint(command: Command, code: string): string | undefined {
  const noun = command.parent
  const hasVerb = (name: string) => noun?.commands.some((verb) => verb.name() === name)
  if (code === 'not_found' && noun && hasVerb('list')) return `${wordsOf(noun)} list`
  if (code === 'precondition_failed' && noun && hasVerb('show'))
    return `look at it with \`${wordsOf(noun)} show\`, then repeat the change with its --revision`
  return code === 'invalid_request' ? `${wordsOf(command)} --help` : undefined
}
