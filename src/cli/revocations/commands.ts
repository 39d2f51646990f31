import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import type { RevocationView } from '../../revocations/operations.ts'
import { wholeNumber } from '../runtime/arguments.ts'
import { type Cli, noun, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun, withReason } from '../runtime/ending.ts'
import { listVerb } from '../runtime/list.ts'
import { member } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'

export function addRevocationsCommand(program: Command, cli: Cli): void {
  const revocations = noun(program, 'revocations', 'list, add and lift revocation rules', 'mintage revocations list')

  listVerb<RevocationView>(revocations, cli, {
    path: '/v1/revocations',
    what: 'revocation rules',
    example: 'mintage revocations list',
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'kind', value: ({ kind }) => kind },
      { title: 'value', value: ({ value }) => value },
      { title: 'effective', value: ({ effectiveAt }) => (effectiveAt === null ? 'at once' : shortTime(effectiveAt)) },
      { title: 'expires', value: ({ expiresAt }) => expiresAt && shortTime(expiresAt) },
      { title: 'lifted', value: ({ liftedAt }) => liftedAt && shortTime(liftedAt) },
      { title: 'reason', value: ({ reason }) => reason },
    ],
  })

  addCreateVerb(revocations, cli)

  const example = 'mintage revocations lift rev_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f'
  const lift = verb(revocations, 'lift', 'take a rule off the list', example).argument('<id>', 'id of the rule')
  endingVerb(lift, cli, {
    doing: 'lift the revocation rule',
    question: ([id]) => `Lift ${id}? Tokens that it revoked and that have not expired are accepted again.`,
    path: ([id = '']) => `/v1/revocations/${encodeURIComponent(id)}/lift`,
    done: ({ ids: [id = ''] }) => ({ json: { id, lifted: true }, text: `lifted ${printableText(id)}` }),
  })
}

function addCreateVerb(revocations: Command, cli: Cli): void {
  const example = "mintage revocations create --kind all --value '*'"
  const create = verb(revocations, 'create', 'revoke tokens by a value that they carry', example)
    .addOption(
      member('kind', '--kind <kind>', 'what the value names')
        .choices(['token', 'api_key', 'subject', 'organization', 'signing_key', 'all'])
        .makeOptionMandatory(),
    )
    .addOption(
      member(
        'value',
        '--value <value>',
        'jti, key id, "organization subject", organization, kid, *',
      ).makeOptionMandatory(),
    )
    .addOption(member('minVersion', '--min-version <number>', 'api_key: versions from this one on', wholeNumber))
    .addOption(member('maxVersion', '--max-version <number>', 'api_key: versions up to this one', wholeNumber))
    .addOption(
      member('issuedBefore', '--issued-before <time>', 'tokens issued until then (default: until it takes effect)'),
    )
    .addOption(member('effectiveAt', '--effective-at <time>', 'RFC 3339 (default: now)'))
  endingVerb<RevocationView>(withDryRun(withReason(create)), cli, {
    doing: 'add the revocation rule',
    question: (_, { kind = '', value = '' }) => `Revoke all tokens of ${printableText(value)} (${kind})?`,
    path: () => '/v1/revocations',
    done: ({ answer }) => ({ json: answer, text: ruleFields(answer) }),
  })
}

function ruleFields({ id, kind, value, effectiveAt, expiresAt }: RevocationView): string {
  return fields({ id, kind, value, effective: effectiveAt ?? 'at once', expires: expiresAt })
}
