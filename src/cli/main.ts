#!/usr/bin/env node
import { quickenDrizzle } from '../node/module-loading.ts'
import { run } from './program.ts'
import { processTerminal } from './runtime/terminal.ts'

// A reader such as `head` may close the pipe before the end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

quickenDrizzle()
process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  folder: '.',
  input: { isTerminal: process.stdin.isTTY === true, pieces: () => process.stdin.setEncoding('utf8') },
  output: {
    write: (text) => void process.stdout.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`${text}\n`),
  },
  terminal: processTerminal(),
})
