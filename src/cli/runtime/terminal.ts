/** A person who can be asked and who watches. Absent where a script runs the command: then nothing is asked and nothing turns. */
export type Terminal = {
  /** Yes or no; no when the question was left with Ctrl-C. */
  confirm(question: string): Promise<boolean>
  /** Turns a wheel while the work takes its time. */
  spin<Result>(what: string, work: () => Promise<Result>): Promise<Result>
}

/** Questions and wheels go to standard error: what is printed can still be kept in a file. The prompts are loaded when they are needed. */
export function processTerminal(): Terminal | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return {
    async confirm(question) {
      const { confirm } = await import('@clack/prompts')
      return (await confirm({ message: question, initialValue: false, output: process.stderr })) === true
    },
    async spin(what, work) {
      const { spinner } = await import('@clack/prompts')
      const wheel = spinner({ output: process.stderr })
      wheel.start(what)
      try {
        const result = await work()
        wheel.stop(what)
        return result
      } catch (error) {
        wheel.error(what)
        throw error
      }
    },
  }
}
