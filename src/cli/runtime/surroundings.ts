import { isAbsolute, join } from 'node:path'
import type { Input } from './input.ts'
import type { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

/** Where a command was started, and all that it takes from there: `main.ts` gives it what the process has. Only `serve` takes over the process itself. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin, that of `.mintage` too; `.` is the folder of the process. */
  readonly folder: string
  readonly input: Input
  readonly output: Output
  /** The person in front of it, when there is one to ask and to show a wheel to. */
  readonly terminal: Terminal | undefined
}

/** Where a path leads. What is shown to people is the path as they wrote it. */
export function locate({ folder }: Pick<Surroundings, 'folder'>, path: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}
