import { type Command, Option } from 'commander'
import {
  type ApiKeyEnvironment,
  apiKeyHint,
  generateApiKey,
  looksLikeApiKey,
  parseApiKey,
} from '../../api-keys/format.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { NotVerifiedError, UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { fields } from '../runtime/output.ts'

/** The verbs of `api-keys` that know only the form of a key, and send nothing. */
export function addOfflineVerbs(apiKeys: Command, cli: Cli): void {
  verb(apiKeys, 'generate', 'make a well-formed key offline, known to no service', 'mintage api-keys generate')
    .addOption(new Option('--environment <environment>', 'what it is for').choices(['live', 'test']).default('live'))
    .addHelpText(
      'after',
      '\nFor MINTAGE_ROOT_API_KEY before the first start. The prefix is\nMINTAGE_API_KEY_PREFIX, or mk. Clients need a key that a service\ncreated.',
    )
    .action(({ environment, json }: JsonOption & { environment: ApiKeyEnvironment }) => {
      const secret = generateApiKey(environment, configuredPrefix(cli))
      print(cli, { json: json === true }, { secret, environment }, () => secret)
    })

  verb(apiKeys, 'inspect', 'say offline whether a key is well-formed', 'mintage api-keys inspect < key.txt')
    .addHelpText(
      'after',
      '\nThe key is read from standard input. Nothing is sent, and no service is\nasked: a well-formed key may be unknown, expired or revoked.',
    )
    .action(async (options: JsonOption) => {
      const key = inspected(await readKey(cli))
      print(cli, options, key, () => fields({ 'well-formed': 'yes', ...key }))
      if (!options.json && key.prefix !== configuredPrefix(cli))
        cli.output.warn(`a service accepts it only if its MINTAGE_API_KEY_PREFIX, or a previous one, is ${key.prefix}`)
    })
}

function configuredPrefix({ env }: Cli): string {
  const prefix = env.MINTAGE_API_KEY_PREFIX || 'mk'
  if (/^[a-z0-9]{2,16}$/.test(prefix)) return prefix
  throw new UsageError('MINTAGE_API_KEY_PREFIX must be 2 to 16 lowercase letters and digits')
}

function inspected(text: string): { environment: ApiKeyEnvironment; prefix: string; hint: string } {
  const parsed = parseApiKey(text, [text.split('_', 1)[0] ?? ''])
  if (parsed) return { environment: parsed.environment, prefix: parsed.prefix, hint: `…${apiKeyHint(text)}` }
  const isAlmost = looksLikeApiKey(text)
  throw new NotVerifiedError(
    isAlmost ? 'not well-formed: a letter is wrong or missing' : 'not well-formed: this is not a key of Mintage',
    {
      code: 'malformed_key',
      hint: isAlmost
        ? 'copy the key again from where it was first shown'
        : 'a key is <prefix>_live_ or <prefix>_test_ and 49 letters and digits',
    },
  )
}

async function readKey(cli: Cli): Promise<string> {
  const text = (await readCredential(cli.input)).trim()
  if (text !== '') return text
  throw new UsageError('no key on standard input', { hint: 'mintage api-keys inspect < key.txt' })
}
