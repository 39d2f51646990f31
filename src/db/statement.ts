import type { Answer, Statement } from './connection.ts'

/**
 * Imitates a postgres.js query as far as drizzle uses it: the query starts when it is awaited, and calling `.values()`
 * before that asks for arrays.
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
 * Whether the statement only reads, so that a lost answer leaves no doubt about its outcome. Does not detect functions
 * that write: this project never calls one in a `select`.
 */
export function isRead(text: string): boolean {
  return /^\s*select\b/i.test(text)
}
