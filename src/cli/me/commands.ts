import type { Command } from 'commander'
import type { CallerView } from '../../api-keys/caller.ts'
import type { OwnRevocationImpact } from '../../api-keys/revoke.ts'
import { overlapOption, rotatingVerb } from '../api-keys/rotate.ts'
import { apiKeyFields } from '../api-keys/view.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { findCredentials } from '../runtime/credentials.ts'
import { keepSecret } from '../runtime/credentials-file.ts'
import { endingVerb, withDryRun, withReason } from '../runtime/ending.ts'
import { impactText } from '../runtime/impact.ts'
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
  rotatingVerb(rotate.addOption(overlapOption()), cli, {
    path: () => '/v1/me/rotate',
    async cancelled() {
      const kept = await keepSecret(cli, { cancelled: findCredentials(cli, 'admin').apiKey })
      return [kept ?? 'the secret that this terminal used has ended: use the previous one']
    },
    async rotated({ secret }) {
      const overlaps = rotate.getOptionValue('overlap') !== 0
      const kept = await keepSecret(cli, { previous: findCredentials(cli, 'admin').apiKey, secret, overlaps })
      return kept === undefined ? [] : [kept]
    },
  })

  const revoke = verb(me, 'revoke', 'revoke this key and all its tokens', 'mintage me revoke --reason leaked')
  endingVerb<unknown, OwnRevocationImpact>(withDryRun(withReason(revoke)), cli, {
    doing: 'revoke the API key',
    questionAfterTrial: questionOf,
    trialText: (trial) => [impactText(trial), ...lastWords(trial)].join('\n'),
    path: () => '/v1/me/revoke',
    done: () => ({ json: { revoked: true }, text: 'revoked this key and all its tokens' }),
  })
}

function callerFields({ limits, usedVersion, worksUntil, ...apiKey }: CallerView): string {
  const ends = usedVersion?.endsAt ? `, until ${shortTime(usedVersion.endsAt)}` : ''
  const rest = fields({
    'per minute': limits.requestsPerMinute,
    'per month': limits.requestsPerMonth,
    'this secret': usedVersion && `version ${usedVersion.version}${ends}`,
    'works until': worksUntil && shortTime(worksUntil),
  })
  return `${apiKeyFields(apiKey)}\n\n${rest}`
}

function questionOf(trial: OwnRevocationImpact): string {
  return [...lastWords(trial), 'Revoke the key that this terminal uses, and all its tokens?'].join(' ')
}

/** What else is lost with the key. */
function lastWords({ lastRootKey, lastAdministrator }: OwnRevocationImpact): string[] {
  if (lastRootKey) return ['This is the last root key: afterwards nobody can manage the service.']
  return lastAdministrator ? ['This is the last key that can administer its organization.'] : []
}
