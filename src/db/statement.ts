import type { Answer, Statement } from './connection.ts'

/** A query of postgres.js begins when it is awaited, and `.values()` before that chooses arrays: the shape that drizzle calls. */
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

/** Whether losing the answer leaves nothing to wonder about. Functions that write are not told apart: none is called by `select` here. */
export function isRead(text: string): boolean {
  return /^\s*select\b/i.test(text)
}
