import { type Command, Option } from 'commander'
import type { RevocationView } from '../../revocations/operations.ts'
import { reasonOption } from '../api-keys/revoke.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, listVerb, noun, print, verb } from '../runtime/command.ts'
import { requireConsent, withConsent } from '../runtime/consent.ts'
import { fields, printable, shortInstant } from '../runtime/output.ts'

type CreateOptions = {
  kind: string
  value: string
  maxVersion?: number
  issuedBefore?: string
  effectiveAt?: string
  reason: string
  text?: string
  yes?: boolean
  json?: boolean
}

/** What stops more than one caller at once. */
const sweeping = new Set(['organization', 'signing_key', 'all'])

export function revocationsCommand(cli: Cli): Command {
  const revocations = noun('revocations', 'list, add and lift revocation rules', 'mintage revocations list')

  listVerb<RevocationView>(revocations, cli, {
    path: '/v1/revocations',
    what: 'revocation rules',
    example: 'mintage revocations list',
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'kind', value: ({ kind }) => kind },
      { title: 'value', value: ({ value }) => value },
      { title: 'effective', value: ({ effectiveAt }) => shortInstant(effectiveAt) },
      { title: 'expires', value: ({ expiresAt }) => expiresAt && shortInstant(expiresAt) },
      { title: 'lifted', value: ({ liftedAt }) => liftedAt && shortInstant(liftedAt) },
      { title: 'reason', value: ({ reason }) => reason },
    ],
  })

  withConsent(
    verb(
      revocations,
      'create',
      'revoke tokens by a name that they carry',
      "mintage revocations create --kind all --value '*'",
    ),
  )
    .addOption(
      new Option('--kind <kind>', 'what the value names')
        .choices(['token', 'api_key', 'subject', 'organization', 'signing_key', 'all'])
        .makeOptionMandatory(),
    )
    .requiredOption('--value <value>', 'jti, key id, "organization subject", organization, kid, *')
    .option('--max-version <number>', 'api_key: versions up to this one', wholeNumber)
    .option('--issued-before <instant>', 'tokens issued until then (default: until it takes effect)')
    .option('--effective-at <instant>', 'RFC 3339 (default: now)')
    .addOption(reasonOption())
    .option('--text <text>', 'why, in your own words')
    .action(async (options: CreateOptions) => {
      const { kind, value, maxVersion, issuedBefore, effectiveAt, reason, text } = options
      const body = { kind, value, maxVersion, issuedBefore, effectiveAt, reason, text }
      if (sweeping.has(kind)) {
        await requireConsent(cli, options, {
          question: `Revoke the tokens of ${printable(value)} (${kind}), all of them?`,
          dangerous: true,
        })
      }
      const rule = await cli.api().post<RevocationView>('/v1/revocations', 'add the revocation rule', body)
      print(cli, options, rule, () =>
        fields({
          id: rule.id,
          kind: rule.kind,
          value: rule.value,
          effective: rule.effectiveAt,
          expires: rule.expiresAt,
        }),
      )
    })

  withConsent(
    verb(
      revocations,
      'lift',
      'take a rule off the list',
      'mintage revocations lift rev_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f',
    ),
  )
    .argument('<id>', 'id of the rule')
    .action(async (id: string, options: { yes?: boolean; json?: boolean }) => {
      await requireConsent(cli, options, {
        question: `Lift ${printable(id)}? Tokens that it killed and that have not expired live again.`,
      })
      await cli.api().post(`/v1/revocations/${encodeURIComponent(id)}/lift`, 'lift the revocation rule')
      print(cli, options, { id, lifted: true }, () => `lifted ${printable(id)}`)
    })

  return revocations
}
