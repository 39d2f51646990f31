/** An error for the person at the terminal: what failed, in lower case, and what to type next. Exit code 1. */
export class CliError extends Error {
  readonly hint: string | undefined
  /** A stable word for scripts: the problem's code where the service refused. */
  readonly code: string
  readonly exitCode: number = 1

  constructor(message: string, options: { hint?: string | undefined; code?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CliError'
    this.hint = options.hint
    this.code = options.code ?? 'failed'
  }
}

/** The command itself was wrong. Exit code 2. */
export class UsageError extends CliError {
  override readonly exitCode = 2
}

/** A token or an audit trail that is not valid: nothing failed, the answer is no. Exit code 3. */
export class NotVerifiedError extends CliError {
  override readonly exitCode = 3
}

/**
 * A sentence as the end of another one: lower-case first letter, unless it begins an abbreviation, and no full stop.
 */
export function asClause(sentence: string): string {
  const rest = sentence.replace(/\.$/, '')
  return /^[A-Z](?![A-Z])/.test(rest) ? rest.charAt(0).toLowerCase() + rest.slice(1) : rest
}
