/** Something that the person at the terminal has to know: what failed, in lower case, and what to type next. Ends the process with 1. */
export class CliError extends Error {
  readonly hint: string | undefined
  /** Stable word for scripts, the problem's code where the service refused. */
  readonly code: string
  readonly exitCode: number = 1

  constructor(message: string, options: { hint?: string | undefined; code?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CliError'
    this.hint = options.hint
    this.code = options.code ?? 'failed'
  }
}

/** The command itself was wrong. Ends the process with 2. */
export class UsageError extends CliError {
  override readonly exitCode = 2
}

/** What was to be verified is not what it was: nothing failed, and the answer is no. Ends the process with 3. */
export class NotVerifiedError extends CliError {
  override readonly exitCode = 3
}

/** The words of the service as the rest of one of our sentences: first letter small unless an abbreviation begins, no full stop. */
export function asClause(sentence: string): string {
  const rest = sentence.replace(/\.$/, '')
  return /^[A-Z](?![A-Z])/.test(rest) ? rest.charAt(0).toLowerCase() + rest.slice(1) : rest
}
