import type { Command } from 'commander'
import { collectEntries, collectWords, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { member } from '../runtime/members.ts'
import { printDecoded } from './decode.ts'
import { addVerifyCommand } from './verify.ts'

type TokenOptions = JsonOption & { scope?: string[]; audience?: string[]; expiresIn?: number; decode?: boolean }
type TokenAnswer = { access_token: string; token_type: string; expires_in: number; scope?: string }

/** `token` and `verify`: get an access token, and check one. */
export function addTokenCommands(program: Command, cli: Cli): void {
  const example = 'TOKEN=$(mintage token --scope orders:read)'
  verb(program, 'token', 'exchange the API key for an access token', example)
    .addOption(member('scope', '--scope <scope>', 'less than the key holds; repeat for more', collectWords))
    .addOption(member('audience', '--audience <audience>', 'who the token is for; repeat for more', collectEntries))
    .addOption(member('expires_in', '--expires-in <seconds>', 'shorter than usual', wholeNumber))
    .option('--decode', 'show what a token on standard input says, unverified')
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

  addVerifyCommand(program, cli)
}
