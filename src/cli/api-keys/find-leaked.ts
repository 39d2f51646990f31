import { createHash } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'

export function addFindLeakedVerb(apiKeys: Command, cli: Cli): void {
  verb(apiKeys, 'find-leaked', 'find the API key of a leaked secret', 'mintage api-keys find-leaked < leaked.txt')
    .addHelpText(
      'after',
      '\nThe secret is read from standard input or MINTAGE_LEAKED_KEY.\nOnly hashes of it are sent.',
    )
    .action(async (options: JsonOption) => {
      const secret = await readLeakedSecret(cli)
      const hashes = {
        sha256: createHash('sha256').update(secret).digest('base64url'),
        blake3: Buffer.from(blake3(Buffer.from(secret))).toString('base64url'),
      }
      const found = await cli.api().post<{ id: string }>('/v1/api-keys/find-leaked', 'find the API key', hashes)
      print(cli, options, found, () => found.id)
      if (!options.json)
        cli.output.warn(`revoke it with: mintage api-keys revoke ${printableText(found.id)} --reason leaked`)
    })
}

async function readLeakedSecret(cli: Cli): Promise<string> {
  const secret = (cli.env.MINTAGE_LEAKED_KEY || (await readCredential(cli.input))).trim()
  if (secret !== '') return secret
  throw new UsageError('no leaked secret given', {
    code: 'usage',
    hint: '`mintage api-keys find-leaked < leaked.txt`, or set MINTAGE_LEAKED_KEY; never pass it as an argument',
  })
}
