import type { Command } from 'commander'
import { asClause, CliError } from './failure.ts'
import { wordsOf } from './help.ts'
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
  readonly problem: Problem

  constructor(doing: string, problem: Problem, hint: string | undefined) {
    super(`cannot ${doing}: ${asClause(problem.detail)}`, { code: problem.code, hint })
    this.doing = doing
    this.problem = problem
  }
}

export function refusal(doing: string, response: Response, text: string): RefusalError {
  const problem = readProblem(text) ?? { code: 'failed', detail: `The service answered ${response.status}.` }
  return new RefusalError(doing, problem, hintFor(problem, response))
}

/** The refusal in words of the command that was typed: its options instead of JSON members, its verbs in the hint. */
export function inWordsOf(command: Command, { doing, problem, hint }: RefusalError): RefusalError {
  const inOptions = { ...problem, detail: withOptionNames(problem.detail, command) }
  return new RefusalError(doing, inOptions, hint ?? commandHint(command, problem))
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

function hintFor({ code }: Problem, response: Response): string | undefined {
  switch (code) {
    case 'unauthenticated':
    case 'api_key_rejected':
    case 'invalid_client':
      return 'the key is unknown, revoked or expired: set MINTAGE_API_KEY to a key that works, or read docs/losing-access.md'
    case 'permission_denied':
      return '`mintage me` shows what this key may do'
    case 'invalid_scope':
    case 'invalid_target':
      return '`mintage me` shows what this key holds'
    case 'plan_limit_reached':
      return 'revoke a key that is not needed, or see what other plans allow: mintage plans list'
    case 'internal':
      return 'check the log of the service, and run: mintage doctor'
    default:
      return response.status === 503 ? `try again in ${response.headers.get('retry-after') ?? '1'} s` : undefined
  }
}

/** The next command to type, where only the refused command says which. */
function commandHint(command: Command, { code, detail, safeAt }: Problem): string | undefined {
  const noun = command.parent
  const hasVerb = (name: string) => noun?.commands.some((verb) => verb.name() === name)
  const has = (option: string) => command.options.some(({ long }) => long === option)
  const named = namedThings.find(([beginning]) => detail.startsWith(beginning))
  if (named) return named[1]
  if (code === 'not_found' && noun && hasVerb('list')) return `${wordsOf(noun)} list`
  if (code === 'precondition_failed' && noun && hasVerb('show'))
    return `look at it with \`${wordsOf(noun)} show\`, then repeat the change with its --revision`
  if (code === 'too_early') return `wait until ${safeAt ?? 'then'}; in an incident: ${forced(command)}`
  if (code === 'lifetime_not_allowed')
    return has('--expires-at') ? 'give an earlier --expires-at' : 'mintage api-keys update --help'
  return code === 'invalid_request' ? `${wordsOf(command)} --help` : undefined
}

/** The same command with --force, and the names of its arguments. */
function forced(command: Command): string {
  return [wordsOf(command), '--force', ...command.registeredArguments.map((each) => `<${each.name()}>`)].join(' ')
}

/** How the service begins to say that something named in the request is missing, and the command that lists what is there. */
const namedThings: readonly (readonly [beginning: string, list: string])[] = [
  ['organizationId: not found', 'mintage organizations list'],
  ['filter.organizationId: not found', 'mintage organizations list'],
  ['serviceAccountId: not found', 'mintage service-accounts list'],
  ['filter.serviceAccountId: not found', 'mintage service-accounts list'],
  ['version: not found', 'mintage api-keys versions <id>'],
  ['value: not found', 'see what --value names for this --kind: mintage revocations create --help'],
  ['roles holds an unknown role', 'mintage roles list'],
  ['plan does not exist', 'mintage plans list'],
]
