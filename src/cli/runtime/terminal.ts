/** A terminal with a person who can answer. */
export type Terminal = {
  /** True for yes; false for no and for Ctrl-C. */
  confirm(question: string): Promise<boolean>
  /** Shows a spinner while the work runs. */
  spin<Result>(what: string, work: () => Promise<Result>): Promise<Result>
}

/**
 * Questions and spinners go to standard error: standard output may be a file. Prompts are loaded when they are needed.
 */
export function processTerminal(): Terminal | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return {
    async confirm(question) {
      const { confirm } = await import('@clack/prompts')
      return (await confirm({ message: question, initialValue: false, output: process.stderr })) === true
    },
    async spin(what, work) {
      const { spinner } = await import('@clack/prompts')
      const indicator = spinner({ output: process.stderr })
      indicator.start(what)
      try {
        const result = await work()
        indicator.stop(what)
        return result
      } catch (error) {
        indicator.error(what)
        throw error
      }
    },
  }
}
