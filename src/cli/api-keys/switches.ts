import type { Command } from 'commander'
import type { EnabledApiKey } from '../../api-keys/disable.ts'
import type { Impact } from '../../usage/impact.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { printable, shortInstant } from '../runtime/output.ts'
import { apiKeyPath, exampleKey } from './path.ts'
import { impactText } from './revoke.ts'

type SwitchOptions = { dryRun?: boolean; force?: boolean; yes?: boolean; json?: boolean }

/** The verbs of `api-keys` that switch one off and on. */
export function addSwitchingVerbs(apiKeys: Command, cli: Cli): void {
  const switchOff = async (
    id: string,
    options: SwitchOptions,
    say: { verb: string; question: string; done: string },
  ) => {
    const { dryRun, force } = options
    if (dryRun) {
      const impact = await cli
        .api()
        .post<Impact>(apiKeyPath(id, `/${say.verb}`), `try to ${say.verb} the API key`, { dryRun })
      print(cli, options, impact, () => impactText(impact))
      return
    }
    await requireConsent(cli, options, { question: say.question })
    await cli.api().post(apiKeyPath(id, `/${say.verb}`), `${say.verb} the API key`, { force })
    print(cli, options, { id, [`${say.verb}d`]: true }, () => say.done)
  }

  switching(
    verb(apiKeys, 'disable', 'switch a key and its tokens off', `mintage api-keys disable ${exampleKey}`),
  ).action(async (id: string, options: SwitchOptions) => {
    const name = printable(id)
    const question = `Disable ${name}? Its tokens die at once.`
    await switchOff(id, options, {
      verb: 'disable',
      question,
      done: `disabled ${name}: no new tokens, and those that lived are dead`,
    })
  })

  verb(apiKeys, 'enable', 'let a disabled key work again', `mintage api-keys enable ${exampleKey}`)
    .argument('<id>', 'id of the key')
    .action(async (id: string, options: { json?: boolean }) => {
      const enabled = await cli.api().post<EnabledApiKey>(apiKeyPath(id, '/enable'), 'enable the API key')
      const { tokensUsableFrom } = enabled
      const when =
        tokensUsableFrom === null
          ? 'it was not disabled'
          : `tokens issued from ${shortInstant(tokensUsableFrom)} on live`
      print(cli, options, enabled, () => `enabled ${printable(id)}; ${when}`)
    })

  switching(verb(apiKeys, 'expire', 'let a key expire now, for good', `mintage api-keys expire ${exampleKey}`)).action(
    async (id: string, options: SwitchOptions) => {
      const name = printable(id)
      const question = `Let ${name} expire? It stays expired, and its tokens die at once.`
      await switchOff(id, options, { verb: 'expire', question, done: `expired ${name} and every token that it made` })
    },
  )
}

function switching(command: Command): Command {
  return withConsent(command)
    .argument('<id>', 'id of the key')
    .option('--dry-run', 'tell what would break, change nothing')
    .option('--force', 'also the last root key or the last administrator')
}
