import type { Command } from 'commander'
import { addMeCommand } from '../me/commands.ts'
import { collect, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { printDecoded } from './decode.ts'

type TokenOptions = { scope?: string[]; audience?: string[]; expiresIn?: number; decode?: boolean; json?: boolean }
type TokenAnswer = { access_token: string; token_type: string; expires_in: number; scope?: string }

/** The commands of a key's holder: who am I, and give me a token. */
export function addHolderCommands(program: Command, cli: Cli): void {
  addMeCommand(program, cli)

  verb(program, 'token', 'exchange the API key for an access token', 'TOKEN=$(mintage token --scope orders:read)')
    .option('--scope <scope>', 'less than the key holds; repeat for more', collect)
    .option('--audience <audience>', 'who the token is for; repeat for more', collect)
    .option('--expires-in <seconds>', 'shorter than usual', wholeNumber)
    .option('--decode', 'instead: show what a token on standard input says, unverified')
    .action(async (options: TokenOptions) => {
      if (options.decode) return await printDecoded(cli, options)
      const form = new URLSearchParams({ grant_type: 'client_credentials' })
      if (options.scope) form.set('scope', options.scope.join(' '))
      for (const audience of options.audience ?? []) form.append('audience', audience)
      if (options.expiresIn !== undefined) form.set('expires_in', String(options.expiresIn))
      const answer = await cli.api('exchange').exchange<TokenAnswer>(form, 'exchange the API key')
      print(cli, options, answer, () => answer.access_token)
      if (!options.json)
        cli.output.warn(`valid for ${answer.expires_in} s${answer.scope ? `, scope ${answer.scope}` : ''}`)
    })
}
