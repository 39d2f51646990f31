import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import type { AuditCheckpointView } from '../../audit/checkpoints.ts'
import type { AuditEventView } from '../../audit/operations.ts'
import { addFilters, type Cli, type Filter, filterQuery, listVerb, noun, print, verb } from '../runtime/command.ts'
import { CliError } from '../runtime/failure.ts'
import { fields, printable, shortInstant } from '../runtime/output.ts'
import { locate } from '../runtime/surroundings.ts'
import { linesOf } from '../runtime/text-lines.ts'
import { addVerifyVerb } from './verify.ts'

export function auditCommand(cli: Cli): Command {
  const audit = noun('audit', 'read, export and verify the audit trail', 'mintage audit list')

  listVerb<AuditEventView>(audit, cli, {
    path: '/v1/audit-events',
    what: 'audit events',
    example: 'mintage audit list --type api_key.revoked --from 2026-11-01T00:00:00Z',
    filters: filters(),
    columns: [
      { title: 'at', value: ({ occurredAt }) => shortInstant(occurredAt) },
      { title: 'type', value: ({ type }) => type },
      { title: 'result', value: ({ result }) => result },
      { title: 'actor', value: ({ actor }) => actor },
      { title: 'subject', value: ({ subject }) => subject },
      { title: 'reason', value: ({ reason }) => reason },
      { title: 'address', value: ({ address }) => address },
    ],
  })

  addExportVerb(audit, cli)

  verb(
    audit,
    'checkpoint',
    'sign for the trail as it stands',
    'mintage audit checkpoint --json > checkpoint.json',
  ).action(async (options: { json?: boolean }) => {
    const checkpoint = await cli.api().post<AuditCheckpointView>('/v1/audit-checkpoints', 'sign a checkpoint')
    const { sequence, hash, count, createdAt, kid, signed } = checkpoint
    print(cli, options, checkpoint, () =>
      fields({ head: `${sequence}:${hash}`, events: count, signed: createdAt, 'by key': kid, jws: signed }),
    )
    if (!options.json)
      cli.output.warn('keep it where the service cannot write: mintage audit verify --checkpoint <file>')
  })

  addVerifyVerb(audit, cli)
  return audit
}

const filters = (): readonly Filter[] => [
  { query: 'type', option: new Option('--type <type>', 'as in the events: api_key.revoked') },
  { query: 'actor', option: new Option('--actor <id>', 'who did it: key id, or system') },
  { query: 'subject', option: new Option('--subject <id>', 'what it was done to') },
  { query: 'organizationId', option: new Option('--organization <id>', 'about this organization') },
  { query: 'result', option: new Option('--result <result>', 'done, or refused').choices(['success', 'refused']) },
  { query: 'from', option: new Option('--from <instant>', 'RFC 3339; from then on') },
  { query: 'to', option: new Option('--to <instant>', 'RFC 3339; before then') },
]

/** JSON is one of its formats, so that `--json` would say nothing: it has none. */
function addExportVerb(audit: Command, cli: Cli): void {
  const summary = 'the trail as one file that proves itself'
  const command = audit.command('export').summary(summary).description(summary)
  addFilters(command, filters())
    .addOption(
      new Option('--format <format>', 'csv is for reading and proves nothing')
        .choices(['jsonl', 'csv'])
        .default('jsonl'),
    )
    .option('--output <file>', 'a new file; standard output without it')
    .addHelpText('after', '\nExample:\n  $ mintage audit export --output trail.jsonl')
    .action(async (options: { format: string; output?: string }) => {
      const query = { format: options.format, ...filterQuery(filters(), options) }
      const pieces = await cli.api().stream('/v1/audit-events/export', 'export the audit trail', query)
      if (options.output === undefined) for await (const line of linesOf(pieces)) cli.output.write(line)
      else await writeNewFile(cli, options.output, pieces)
      if (options.output !== undefined) cli.output.warn(`wrote ${printable(options.output)}`)
    })
}

/** Only for its owner, never over a file that is there, and whole or not at all. */
async function writeNewFile(cli: Cli, written: string, pieces: AsyncIterable<string>): Promise<void> {
  const path = locate(cli, written)
  try {
    await pipeline(Readable.from(pieces), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (!exists) await rm(path, { force: true })
    if (cause instanceof CliError) throw cause
    const why = exists ? 'it is there already' : 'it cannot be written'
    throw new CliError(`no export to ${printable(written)}: ${why}`, {
      code: 'file',
      hint: 'give another --output',
      cause,
    })
  }
}
