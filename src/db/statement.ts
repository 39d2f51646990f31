import type { Answer, Statement } from './connection.ts'

/**
 * What drizzle expects of postgres.js: a query starts when it is awaited, and calling `.values()` before that asks for
 * arrays.
 */
export function asQuery(run: (statement: Statement) => Promise<Answer>) {
  return (text: string, params: Statement['params'] = [], options: { prepare?: boolean } = {}) => {
    const statement: Statement = { text, params, prepare: options.prepare ?? false, asValues: false }
    const answer = Promise.resolve().then(() => run(statement))
    const values = () => {
      statement.asValues = true
      return answer
    }
    return Object.assign(answer, { values })
  }
}

/**
 * Whether a lost answer leaves nothing uncertain. Does not detect functions that write: this project calls none by
 * `select`.
 */
export function isRead(text: string): boolean {
  return /^\s*select\b/i.test(text)
}
