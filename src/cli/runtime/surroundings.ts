import { isAbsolute, join } from 'node:path'
import type { Input } from './input.ts'
import type { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

/** What a command gets from the process, through `main.ts`. Only `serve` uses the process itself. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The base of relative paths, of `.mintage` too; `.` is the folder of the process. */
  readonly folder: string
  readonly input: Input
  readonly output: Output
  /** Absent where a script runs the command. */
  readonly terminal: Terminal | undefined
}

/** A path that can be opened. People are shown the path as they wrote it. */
export function locate({ folder }: Pick<Surroundings, 'folder'>, path: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}
