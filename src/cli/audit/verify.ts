import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { checkpointType } from '../../audit/checkpoint.ts'
import { createTrail, type TrailVerdict } from '../../audit/verify/trail.ts'
import { openRecord, recordKeySet } from '../../kit/signed-record.ts'
import { printableText } from '../../observability/printable-text.ts'
import { collect, wholeNumber } from '../runtime/arguments.ts'
import { type Cli, type JsonOption, print, verb } from '../runtime/command.ts'
import { CliError, NotVerifiedError } from '../runtime/failure.ts'
import { fields } from '../runtime/output.ts'
import { locate } from '../runtime/surroundings.ts'
import { linesOf } from '../runtime/text-lines.ts'

type VerifyOptions = JsonOption & {
  recordKeys?: string
  head?: { sequence: number; hash: string }
  checkpoint?: readonly string[]
  clockTolerance?: number
}

/** Exit codes: 0 = the trail is intact, 3 = it is not, 1 = it could not be read. */
export function addVerifyVerb(audit: Command, cli: Cli): void {
  verb(
    audit,
    'verify',
    'verify an export offline, or the trail of the service',
    'mintage audit verify trail.jsonl --record-keys record-keys.json',
  )
    .argument('[file]', 'a JSONL export; - is standard input')
    .option('--record-keys <file>', 'trust only these keys: a stored copy of /.well-known/record-keys.json')
    .option('--head <sequence:hash>', 'the trail must hold this event', readHead)
    .option('--checkpoint <file>', 'the trail must match these stored checkpoints; repeat for more', collect)
    .option('--clock-tolerance <seconds>', 'how far the clock may jump back between events (default 300)', wholeNumber)
    .action(async (file: string | undefined, options: VerifyOptions) => {
      const trail = createTrail({
        openWith: async (keys) => {
          const usable = await recordKeySet(keys)
          return async (signed) => await openRecord(signed, usable, checkpointType)
        },
        pinnedKeys: options.recordKeys === undefined ? undefined : await readRecordKeys(cli, options.recordKeys),
        heads: options.head ? [options.head] : [],
        checkpoints: (await Promise.all((options.checkpoint ?? []).map((file) => readCheckpoints(cli, file)))).flat(),
        clockToleranceSeconds: options.clockTolerance,
      })
      for await (const line of linesOf(await open(cli, file))) await trail.line(line.replace(/\r$/, ''))
      const verdict = await trail.verdict()
      if (options.json) print(cli, options, verdict, () => '')
      conclude(cli, verdict, options)
    })
}

function conclude(cli: Cli, verdict: TrailVerdict, { json }: VerifyOptions): void {
  const { faults, events, shown, head, seal, pinned, issuer } = verdict
  if (faults.length > 0) {
    if (!json)
      for (const { message, line } of faults)
        cli.output.warn(printableText(`broken: ${message}${line === null ? '' : ` (line ${line})`}`))
    throw new NotVerifiedError(
      `the audit trail was changed: ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}`,
      {
        code: 'not_verified',
        hint: 'keep the file unchanged, and read docs/audit.md#when-it-is-broken',
      },
    )
  }
  if (json) return
  cli.output.write(
    fields({
      verified: `${events} events, ${shown} of them in full`,
      issuer,
      head: `${head.sequence}:${head.hash}`,
      signed: seal?.signedAt ?? null,
      'by key': seal?.kid ?? null,
    }),
  )
  if (!pinned)
    cli.output.warn('the keys came with the trail: pass --record-keys with your own copy to prove whose they are')
}

async function open(cli: Cli, file: string | undefined): Promise<AsyncIterable<string>> {
  if (file === undefined)
    return await cli.api().stream('/v1/audit-events/export', 'read the audit trail', { format: 'jsonl' })
  if (file === '-') return cli.input.pieces()
  return readPieces(cli, file)
}

async function* readPieces(cli: Cli, file: string): AsyncGenerator<string> {
  try {
    yield* createReadStream(locate(cli, file), 'utf8')
  } catch (cause) {
    throw unreadable(file, 'the file cannot be read', cause)
  }
}

async function readRecordKeys(cli: Cli, file: string): Promise<readonly unknown[]> {
  try {
    const { keys } = Object(JSON.parse(await readFile(locate(cli, file), 'utf8')))
    if (Array.isArray(keys)) return keys
  } catch (cause) {
    throw unreadable(file, 'the file cannot be read as JSON', cause)
  }
  throw unreadable(file, 'the file is not a JWK Set')
}

/** Finds every compact JWS: one a line, or in the JSON that `mintage audit checkpoint --json` prints. */
async function readCheckpoints(cli: Cli, file: string): Promise<string[]> {
  const text = await readFile(locate(cli, file), 'utf8').catch((cause: unknown) => {
    throw unreadable(file, 'the file cannot be read', cause)
  })
  const found = text.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)
  if (!found) throw unreadable(file, 'the file holds no checkpoint')
  return found
}

function unreadable(file: string, why: string, cause?: unknown): CliError {
  return new CliError(`${printableText(file)}: ${why}`, { code: 'file', hint: 'mintage audit verify --help', cause })
}

function readHead(text: string): { sequence: number; hash: string } {
  const [, sequence, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined)
    throw new InvalidArgumentError('it must be <sequence>:<64 hexadecimal digits>.')
  return { sequence: Number(sequence), hash }
}
