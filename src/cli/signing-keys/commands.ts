import type { Command } from 'commander'
import { type Cli, noun } from '../runtime/command.ts'
import { addNewKeyVerbs } from './new-keys.ts'
import { addReadingVerbs } from './read.ts'
import { addReplaceVerb } from './replace.ts'
import { addRotatingVerbs } from './rotate.ts'

export function addSigningKeysCommand(program: Command, cli: Cli): void {
  const signingKeys = noun(program, 'signing-keys', 'show and rotate the keys that sign', 'mintage signing-keys list')
  addReadingVerbs(signingKeys, cli)
  addRotatingVerbs(signingKeys, cli)
  addReplaceVerb(signingKeys, cli)
  addNewKeyVerbs(signingKeys, cli)
}
