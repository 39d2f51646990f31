#!/usr/bin/env node
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

const output = {
  write: (text: string) => void process.stdout.write(`${text}\n`),
  warn: (text: string) => void process.stderr.write(`${text}\n`),
}

// Whoever reads (`| head`) may have enough before the end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await run(process.argv.slice(2), process.env, output, processTerminal())
