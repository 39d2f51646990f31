import type { Command } from 'commander'
import type { CallerView } from '../../api-keys/caller.ts'
import type { RotatedApiKey } from '../../api-keys/rotate.ts'
import { overlapOption, printRotated } from '../api-keys/versions.ts'
import { apiKeyFields } from '../api-keys/view.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { endingVerb, withReason } from '../runtime/ending.ts'
import { membersOf } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'

/** `me`: what the holder of a key may do with it, whatever its roles. */
export function addMeCommand(program: Command, cli: Cli): void {
  const me = verb(program, 'me', 'show the API key that this terminal uses', 'mintage me').action(
    async (options: JsonOption) => {
      const caller = await cli.api().get<CallerView>('/v1/me', 'show the API key')
      print(cli, options, caller, () => callerFields(caller))
    },
  )
  me.helpCommand(false)

  const rotate = verb(me, 'rotate', 'give this key a new secret, shown once', 'mintage me rotate --overlap 1h')
  rotate.addOption(overlapOption()).action(async () => {
    const rotated = await cli.api().post<RotatedApiKey>('/v1/me/rotate', 'rotate the API key', membersOf(rotate))
    printRotated(cli, rotate.optsWithGlobals<JsonOption>(), rotated)
  })

  const revoke = verb(me, 'revoke', 'revoke this key and all its tokens', 'mintage me revoke --reason leaked')
  endingVerb(withReason(revoke), cli, {
    doing: 'revoke the API key',
    question: () => 'Revoke the key that this terminal uses, and all its tokens?',
    path: () => '/v1/me/revoke',
    done: () => ({ json: { revoked: true }, text: 'revoked this key and all its tokens' }),
  })
}

function callerFields({ limits, usedVersion, ...apiKey }: CallerView): string {
  const ends = usedVersion?.endsAt ? `, until ${shortTime(usedVersion.endsAt)}` : ''
  const rest = fields({
    'per minute': limits.requestsPerMinute,
    'per month': limits.requestsPerMonth,
    'this secret': usedVersion && `version ${usedVersion.version}${ends}`,
  })
  return `${apiKeyFields(apiKey)}\n\n${rest}`
}
