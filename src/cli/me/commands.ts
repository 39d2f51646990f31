import type { Command } from 'commander'
import type { CallerView } from '../../api-keys/caller.ts'
import type { RotatedApiKey } from '../../api-keys/rotate.ts'
import { apiKeyFields } from '../api-keys/commands.ts'
import { reasonOption } from '../api-keys/revoke.ts'
import { overlapOption, printRotated } from '../api-keys/versions.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { fields, shortInstant } from '../runtime/output.ts'

type RevokeOptions = { reason: string; text?: string; yes?: boolean; json?: boolean }

/** `me` and what the holder of a key may do with it, whatever its roles. */
export function addMeCommand(program: Command, cli: Cli): void {
  const me = verb(program, 'me', 'show the API key that this terminal uses', 'mintage me').action(
    async (options: { json?: boolean }) => {
      const caller = await cli.api().get<CallerView>('/v1/me', 'show the API key')
      print(cli, options, caller, () => callerFields(caller))
    },
  )
  me.helpCommand(false)

  verb(me, 'rotate', 'give this key a new secret, shown once', 'mintage me rotate --overlap 1h')
    .addOption(overlapOption())
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<{ overlap?: number; json?: boolean }>()
      const body = { overlapSeconds: options.overlap }
      printRotated(cli, options, await cli.api().post<RotatedApiKey>('/v1/me/rotate', 'rotate the API key', body))
    })

  withConsent(verb(me, 'revoke', 'revoke this key and all its tokens', 'mintage me revoke --reason leaked'))
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<RevokeOptions>()
      const { reason, text } = options
      await requireConsent(cli, options, {
        question: 'Revoke the key that this terminal uses, with every token that it made?',
      })
      await cli.api().post('/v1/me/revoke', 'revoke the API key', { reason, text })
      print(cli, options, { revoked: true }, () => 'revoked this key and every token that it made')
    })
}

function callerFields({ limits, usedVersion, ...apiKey }: CallerView): string {
  const ends = usedVersion?.endsAt ? `, until ${shortInstant(usedVersion.endsAt)}` : ''
  const rest = fields({
    'per minute': limits.requestsPerMinute,
    'per month': limits.requestsPerMonth,
    'this secret': usedVersion && `version ${usedVersion.version}${ends}`,
  })
  return `${apiKeyFields(apiKey)}\n\n${rest}`
}
