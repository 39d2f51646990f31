import { type Command, Option } from 'commander'
import type { Page } from '../../db/page.ts'
import type { Replacement } from '../../signing-keys/replace.ts'
import { algorithms } from '../../signing-keys/signer.ts'
import { readinessText, type WithReadiness } from '../../signing-keys/verifier-readiness-view.ts'
import type { SigningKeyDetail, SigningKeyView } from '../../signing-keys/view.ts'
import { type Cli, noun, print, verb } from '../runtime/command.ts'
import { CliError, UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { fields, printable, shortInstant, table } from '../runtime/output.ts'

type LineOptions = { purpose: string; algorithm: string; reason?: string; json?: boolean }
type ForceOptions = { force?: boolean; revokeFormer?: boolean; reason?: string; json?: boolean }

const path = '/v1/signing-keys'

export function signingKeysCommand(cli: Cli): Command {
  const signingKeys = noun('signing-keys', 'see and move the keys that sign', 'mintage signing-keys list')
  addReadingVerbs(signingKeys, cli)
  addMovingVerbs(signingKeys, cli)
  addEmergencyVerb(signingKeys, cli)
  addNewKeyVerbs(signingKeys, cli)
  return signingKeys
}

function addReadingVerbs(signingKeys: Command, cli: Cli): void {
  verb(signingKeys, 'list', 'list signing keys with every coming instant', 'mintage signing-keys list').action(
    async (options: { json?: boolean }) => {
      const page = await cli.api().get<Page<WithReadiness<SigningKeyView>>>(path, 'list signing keys')
      print(cli, options, page, () => {
        const keys = table(page.items, [
          { title: 'kid', value: ({ kid }) => kid },
          { title: 'purpose', value: ({ purpose }) => purpose },
          { title: 'alg', value: ({ algorithm }) => algorithm },
          { title: 'version', value: ({ version }) => version },
          { title: 'state', value: ({ state }) => state },
          { title: 'safe from', value: ({ safeAt }) => shortInstant(safeAt) },
          { title: 'activates', value: ({ activatesAt }) => activatesAt && shortInstant(activatesAt) },
          { title: 'followed', value: ({ followedAt }) => followedAt && shortInstant(followedAt) },
          { title: 'leaves', value: ({ retiresAt, revokedAt }) => leaves(revokedAt ?? retiresAt) },
          { title: 'last signed', value: ({ usage }) => usage && shortInstant(usage.lastSignedAt) },
        ])
        return [keys, ...page.items.flatMap(heldBy)].join('\n')
      })
    },
  )

  verb(signingKeys, 'show', 'show a signing key with its whole history', 'mintage signing-keys show -- <kid>')
    .argument('<kid>', 'one that begins with - goes after --')
    .action(async (kid: string, options: { json?: boolean }) => {
      const key = await cli.api().get<SigningKeyDetail>(`${path}/${encodeURIComponent(kid)}`, 'show the signing key')
      print(cli, options, key, () => detail(key))
    })
}

/** One line for a key that is about to sign: which verifiers know it already. */
function heldBy({ kid, verifiers }: WithReadiness<SigningKeyView>): string[] {
  if (!verifiers || verifiers.known + verifiers.absent.length === 0) return []
  return [`${printable(kid)}: ${readinessText(verifiers, new Date())}`]
}

function addMovingVerbs(signingKeys: Command, cli: Cli): void {
  withForce(
    withLine(verb(signingKeys, 'rotate', 'let the next key sign, and publish another', 'mintage signing-keys rotate')),
  ).action(async (options: LineOptions & ForceOptions) => {
    const { purpose, algorithm } = options
    const body = { purpose, algorithm, ...forceOf(options) }
    showMoved(cli, options, await cli.api().post<SigningKeyView>(`${path}/rotate`, 'rotate the signing key', body))
  })

  withForce(verb(signingKeys, 'activate', 'let this pending key sign', 'mintage signing-keys activate -- <kid>'))
    .argument('<kid>', 'one that begins with - goes after --')
    .action(async (kid: string, options: ForceOptions) => {
      const address = `${path}/${encodeURIComponent(kid)}/activate`
      showMoved(
        cli,
        options,
        await cli.api().post<SigningKeyView>(address, 'activate the signing key', forceOf(options)),
      )
    })

  withLine(
    verb(
      signingKeys,
      'rollback',
      'let the former key sign again',
      'mintage signing-keys rollback --reason "new key rejected"',
    ),
  )
    .option('--reason <text>', 'for the history')
    .action(async (options: LineOptions) => {
      const { purpose, algorithm, reason } = options
      const body = { purpose, algorithm, reason }
      showMoved(
        cli,
        options,
        await cli.api().post<SigningKeyView>(`${path}/rollback`, 'roll back to the former key', body),
      )
    })
}

function addEmergencyVerb(signingKeys: Command, cli: Cli): void {
  withLine(verb(signingKeys, 'replace', 'replace a leaked key at once', 'mintage signing-keys replace --compromised'))
    .option('--compromised', 'required: every token under the leaked key is refused, for good')
    .option('--kid <kid>', 'which key leaked (default: the active one); one that begins with - as --kid=<kid>')
    .option(
      '--distrust-pending',
      'the published next key may have leaked as well: sign with a fresh one, which verifiers have to fetch first',
    )
    .option('--reason <text>', 'for the history')
    .action(async (options: LineOptions & { compromised?: boolean; kid?: string; distrustPending?: boolean }) => {
      if (!options.compromised) {
        throw new UsageError('replace is for a key that leaked, and kills every token that it signed', {
          hint: 'if it leaked: mintage signing-keys replace --compromised; if not: mintage signing-keys rotate',
        })
      }
      const { purpose, algorithm, kid, distrustPending, reason } = options
      const body = { purpose, algorithm, kid, distrustPending, reason, compromised: true }
      const replaced = await cli.api().post<Replacement>(`${path}/replace`, 'replace the signing key', body)
      print(cli, options, replaced, () => {
        const { active, next, revoked } = replaced
        const planned = next && `${next.kid} from ${next.activatesAt ?? next.safeAt}`
        return fields({ revoked: revoked.map((key) => key.kid), 'signs now': active?.kid ?? null, next: planned })
      })
      if (!options.json) cli.output.warn('whoever got the key may have got more: docs/runbooks/leaked-signing-key.md')
    })
}

function addNewKeyVerbs(signingKeys: Command, cli: Cli): void {
  verb(signingKeys, 'import', 'take in a private key, as the next one', 'mintage signing-keys import < key.pem')
    .addOption(new Option('--purpose <purpose>', 'what it signs').choices(['token', 'record']).default('token'))
    .addOption(
      new Option('--algorithm <algorithm>', 'by which it signs (default: what the key is made for)').choices(
        algorithms,
      ),
    )
    .action(async (options: { purpose: string; algorithm?: string; json?: boolean }) => {
      const { purpose, algorithm } = options
      const body = { purpose, algorithm, ...(await readKey(cli)) }
      const key = await cli.api().post<SigningKeyView>(`${path}/import`, 'import the signing key', body)
      showMoved(cli, options, key)
      if (!options.json) cli.output.warn('destroy the copies of the private key that you no longer need')
    })

  verb(signingKeys, 'add', 'make the first key of another algorithm', 'mintage signing-keys add --algorithm EdDSA')
    .addOption(new Option('--algorithm <algorithm>', 'by which it signs').choices(algorithms).makeOptionMandatory())
    .action(async ({ algorithm, json }: { algorithm: string; json?: boolean }) => {
      const key = await cli.api().post<SigningKeyView>(`${path}/add`, 'add the algorithm', { algorithm })
      showMoved(cli, { ...(json === undefined ? {} : { json }) }, key)
    })
}

function withLine(command: Command): Command {
  return command
    .addOption(new Option('--purpose <purpose>', 'which keys').choices(['token', 'record']).default('token'))
    .addOption(new Option('--algorithm <algorithm>', 'of which algorithm').choices(algorithms).default('ES256'))
}

function withForce(command: Command): Command {
  return command
    .option(
      '--force',
      'before it is safe: verifiers that do not hold the key answer 503, others refuse good tokens, until they fetch it',
    )
    .option('--revoke-former', 'with --force: the key that signed before dies, with every token that it signed')
    .option('--reason <text>', 'for the history')
}

function forceOf({ force = false, revokeFormer = false, reason }: ForceOptions) {
  return { force, revokeFormer, reason }
}

function showMoved(cli: Cli, options: { json?: boolean; force?: boolean }, key: SigningKeyView): void {
  const { kid, purpose, algorithm, state, activatesAt, safeAt } = key
  print(cli, options, key, () =>
    fields({ kid, purpose, algorithm, state, activates: activatesAt, 'safe from': safeAt }),
  )
  if (!options.force || options.json || activatesAt === null || activatesAt >= safeAt) return
  cli.output.warn(`forced: until ${safeAt} a verifier that has not fetched the key set again cannot check its tokens`)
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
    followed: key.followedAt,
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

function leaves(instant: string | null): string | null {
  return instant && shortInstant(instant)
}

/** From standard input, so that no key stands in a command line or in the shell's history. */
async function readKey(cli: Cli): Promise<{ pem: string } | { jwk: unknown }> {
  const text = (await readCredential(cli.input)).trim()
  if (text === '')
    throw new UsageError('there is no key on standard input', { hint: 'mintage signing-keys import < key.pem' })
  if (!text.startsWith('{')) return { pem: text }
  try {
    return { jwk: JSON.parse(text) }
  } catch {
    throw new CliError('cannot import the signing key: what is on standard input is neither PEM nor JSON')
  }
}
