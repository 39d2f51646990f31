/** An error that a PostgreSQL server sent, by either driver. */
type ServerError = Error & { readonly code: string; readonly severity: unknown }

/**
 * What went wrong, for the operator: the words of our own error, then what PostgreSQL or the connection to it says.
 * Never a statement or a value of one: drizzle's messages have both.
 */
export function errorWords(error: unknown): string {
  const chain = chainOf(error)
  const own = chain.find((each) => !isFromDatabase(each))
  const words = [own && ownWords(own), databaseWords(error)]
  return [...new Set(words)].filter(Boolean).join(': ') || 'something went wrong'
}

/** What PostgreSQL or the connection to it says; undefined if the error does not come from there. */
export function databaseWords(error: unknown): string | undefined {
  const chain = chainOf(error)
  const innermost = chain.at(-1)
  if (!innermost || !chain.some(isFromDatabase)) return undefined
  const server = findServerError(error)
  if (!server) return isFailedQuery(innermost) ? 'a statement failed' : ownWords(innermost)
  return serverWords(server, statementOf(chain))
}

/** The server's error, however deeply it is wrapped. */
export function findServerError(error: unknown): ServerError | undefined {
  return chainOf(error).find(isServerError)
}

export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    'severity' in error &&
    error.severity !== undefined &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code)
  )
}

/**
 * The message of the server with its SQLSTATE, and which grant is missing. Leaves out every detail, and messages about
 * a value (class 22), which quote it.
 */
export function serverWords(error: ServerError, statement = statementOf([error])): string {
  const said = error.code.startsWith('22') ? 'a value is not valid' : error.message
  const grant = error.code === '42501' ? missingGrant(error.message, statement) : undefined
  return `${said} (SQLSTATE ${error.code})${grant === undefined ? '' : `. As the owner, ${grant}`}`
}

/** The server names the object but not the right, which follows from the statement. */
function missingGrant(message: string, statement: string): string | undefined {
  const [, kind, name] = /permission denied for (table|view|schema|database|sequence) (\S+)/.exec(message) ?? []
  if (!kind || !name) return undefined
  const rights = kind === 'schema' ? ['usage', ...rightToCreate(statement)] : rightsOn(kind, statement)
  if (rights.length === 0) return undefined
  return `grant ${rights.join(', ')} on ${kind === 'view' ? '' : `${kind} `}${name} to this role`
}

const rightToCreate = (statement: string) => (/^\s*create\b/i.test(statement) ? ['create'] : [])

function rightsOn(kind: string, statement: string): string[] {
  if (kind === 'database') return ['create']
  const [, verb] = /^\s*(select|insert|update|delete)\b/i.exec(statement) ?? []
  if (!verb) return []
  const overwrites = /\bdo update\b|\bfor (?:no key )?(?:update|share)\b/i.test(statement)
  return [...new Set(['select', verb.toLowerCase(), ...(overwrites ? ['update'] : [])])]
}

/** The error and its causes, the outermost first. */
function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && chain.length < 10; each = each.cause) chain.push(each)
  return chain
}

function isFromDatabase(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined
  return (
    isServerError(error) ||
    isFailedQuery(error) ||
    code === 'database_unavailable' ||
    code === 'outcome_unknown' ||
    ('query' in error && 'parameters' in error)
  )
}

/** Drizzle writes `Failed query: …\nparams: …`. */
const isFailedQuery = (error: Error) => error.message.startsWith('Failed query:')

function statementOf(chain: readonly Error[]): string {
  const failed = chain.find((error) => 'query' in error)
  return failed && 'query' in failed && typeof failed.query === 'string' ? failed.query : ''
}

function ownWords(error: Error): string {
  // A host name with several addresses: each has an error of its own.
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((each) => (each instanceof Error ? each.message : '')).join(', ')
  return error.message
}
