import type { Command } from 'commander'
import { printableText } from '../../observability/printable-text.ts'
import { readinessText, type WithReadiness } from '../../signing-keys/verifier-readiness-view.ts'
import type { SigningKeyDetail, SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, showVerb } from '../runtime/command.ts'
import { listVerb } from '../runtime/list.ts'
import { fields, shortTime, table } from '../runtime/output.ts'
import { signingKeyPath, signingKeysPath } from './path.ts'

export function addReadingVerbs(signingKeys: Command, cli: Cli): void {
  listVerb<WithReadiness<SigningKeyView>>(signingKeys, cli, {
    path: signingKeysPath,
    what: 'signing keys',
    whole: 'and when each one changes state',
    example: 'mintage signing-keys list',
    columns: [
      { title: 'kid', value: ({ kid }) => kid },
      { title: 'purpose', value: ({ purpose }) => purpose },
      { title: 'alg', value: ({ algorithm }) => algorithm },
      { title: 'version', value: ({ version }) => version },
      { title: 'state', value: ({ state }) => state },
      { title: 'safe from', value: ({ safeAt }) => shortTime(safeAt) },
      { title: 'activates', value: ({ activatesAt }) => activatesAt && shortTime(activatesAt) },
      { title: 'superseded', value: ({ followedAt }) => followedAt && shortTime(followedAt) },
      { title: 'leaves', value: ({ retiresAt, revokedAt }) => shortOrNull(revokedAt ?? retiresAt) },
      { title: 'last signed', value: ({ usage }) => usage && shortTime(usage.lastSignedAt) },
    ],
    notes: (keys) => keys.flatMap(readinessOf),
  })

  showVerb<SigningKeyDetail>(signingKeys, cli, {
    what: 'a signing key',
    example: 'mintage signing-keys show -- <kid>',
    argument: ['<kid>', 'put -- before one that begins with -'],
    path: signingKeyPath,
    words: detail,
  })
}

/** One line for a key that will sign soon: which verifiers know it already. */
function readinessOf({ kid, verifiers }: WithReadiness<SigningKeyView>): string[] {
  if (!verifiers || verifiers.known + verifiers.absent.length === 0) return []
  return [`${printableText(kid)}: ${readinessText(verifiers, new Date())}`]
}

function detail(key: SigningKeyDetail): string {
  const { kid, purpose, algorithm, version, origin, state, usage } = key
  const values = fields({
    kid,
    purpose,
    algorithm,
    version,
    origin,
    state,
    created: `${key.createdAt} by ${key.createdBy}`,
    published: key.publishedAt,
    'safe from': key.safeAt,
    activates: key.activatesAt,
    superseded: key.followedAt,
    leaves: key.retiresAt,
    revoked: key.revokedAt && `${key.revokedAt} by ${key.revokedBy ?? '-'}: ${key.revocationReason ?? '-'}`,
    'tokens signed': usage?.tokens ?? null,
    'last signed': usage?.lastSignedAt ?? null,
    'last expires': usage?.lastExpiresAt ?? null,
  })
  if (key.activations.length === 0) return values
  const history = table(key.activations, [
    { title: 'sequence', value: ({ sequence }) => sequence },
    { title: 'activates', value: ({ activatesAt }) => activatesAt },
    { title: 'state', value: (activation) => activation.state },
    { title: 'decided', value: ({ decidedAt }) => decidedAt },
    { title: 'by', value: ({ actor }) => actor },
    { title: 'why', value: ({ reason }) => reason },
  ])
  return `${values}\n\n${history}`
}

function shortOrNull(time: string | null): string | null {
  return time && shortTime(time)
}
