import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command, Option } from 'commander'
import type { AuditCheckpointView } from '../../audit/checkpoints.ts'
import type { AuditEventView } from '../../audit/operations.ts'
import { printableText } from '../../observability/printable-text.ts'
import { type Cli, type JsonOption, noun, print, verb } from '../runtime/command.ts'
import { CliError } from '../runtime/failure.ts'
import { listVerb } from '../runtime/list.ts'
import { addOptions, member, queryOf } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'
import { locate } from '../runtime/surroundings.ts'
import { linesOf } from '../runtime/text-lines.ts'
import { addVerifyVerb } from './verify.ts'

export function addAuditCommand(program: Command, cli: Cli): void {
  const audit = noun(program, 'audit', 'read, export and verify the audit trail', 'mintage audit list')

  listVerb<AuditEventView>(audit, cli, {
    path: '/v1/audit-events',
    what: 'audit events',
    example: 'mintage audit list --type api_key.revoked --from 2026-11-01T00:00:00Z',
    filters: filters(),
    columns: [
      { title: 'at', value: ({ occurredAt }) => shortTime(occurredAt) },
      { title: 'type', value: ({ type }) => type },
      { title: 'result', value: ({ result }) => result },
      { title: 'actor', value: ({ actor }) => actor },
      { title: 'subject', value: ({ subject }) => subject },
      { title: 'reason', value: ({ reason }) => reason },
      { title: 'repeats', value: ({ context: { repeats } }) => (typeof repeats === 'number' ? repeats : null) },
      { title: 'address', value: ({ address }) => address },
    ],
  })

  addExportVerb(audit, cli)

  verb(
    audit,
    'checkpoint',
    'sign a checkpoint of the trail',
    'mintage audit checkpoint --json > checkpoint.json',
  ).action(async (options: JsonOption) => {
    const checkpoint = await cli.api().post<AuditCheckpointView>('/v1/audit-checkpoints', 'sign a checkpoint')
    const { sequence, hash, count, createdAt, kid, signed } = checkpoint
    print(cli, options, checkpoint, () =>
      fields({ head: `${sequence}:${hash}`, events: count, signed: createdAt, 'by key': kid, jws: signed }),
    )
    if (!options.json)
      cli.output.warn('store it where the service cannot write, for: mintage audit verify --checkpoint <file>')
  })

  addVerifyVerb(audit, cli)
}

const filters = (): readonly Option[] => [
  member('type', '--type <type>', 'an event type, such as api_key.revoked'),
  member('actor', '--actor <id>', 'who did it: a key id, or system'),
  member('subject', '--subject <id>', 'what it was done to'),
  member('organizationId', '--organization <id>', 'about this organization'),
  member('result', '--result <result>', 'done or refused').choices(['success', 'refused']),
  member('from', '--from <time>', 'RFC 3339; at this time or later'),
  member('to', '--to <time>', 'RFC 3339; before this time'),
]

/** It has no `--json`: JSON is one of its formats. */
function addExportVerb(audit: Command, cli: Cli): void {
  const summary = 'export the trail as one file that can be verified offline'
  const command = audit.command('export').summary(summary).description(summary)
  addOptions(command, filters())
    .addOption(
      member('format', '--format <format>', 'CSV is for people: it cannot be verified')
        .choices(['jsonl', 'csv'])
        .default('jsonl'),
    )
    .option('--output <file>', 'a new file; standard output without it')
    .addHelpText('after', '\nExample:\n  $ mintage audit export --output trail.jsonl')
    .action(async (options: { output?: string }) => {
      const pieces = await cli.api().stream('/v1/audit-events/export', 'export the audit trail', queryOf(command))
      if (options.output === undefined) for await (const line of linesOf(pieces)) cli.output.write(line)
      else await writeNewFile(cli, options.output, pieces)
      if (options.output !== undefined) cli.output.warn(`wrote ${printableText(options.output)}`)
    })
}

/** Writes a file that only its owner can read: never over an existing file, and whole or not at all. */
async function writeNewFile(cli: Cli, written: string, pieces: AsyncIterable<string>): Promise<void> {
  const path = locate(cli, written)
  try {
    await pipeline(Readable.from(pieces), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (!exists) await rm(path, { force: true })
    if (cause instanceof CliError) throw cause
    const why = exists ? 'the file exists already' : 'the file cannot be written'
    throw new CliError(`cannot export to ${printableText(written)}: ${why}`, {
      code: 'file',
      hint: 'give another --output',
      cause,
    })
  }
}
