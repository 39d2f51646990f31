import { createHash } from 'node:crypto'
import { and, eq } from 'drizzle-orm'
import { checkpointType } from '../../src/audit/checkpoint.ts'
import type { TrailLine } from '../../src/audit/verify/lines.ts'
import { createTrail, type TrailOptions, type TrailVerdict } from '../../src/audit/verify/trail.ts'
import { auditEvents } from '../../src/db/schema.ts'
import { openRecord, recordKeySet } from '../../src/kit/signed-record.ts'
import type { Services } from '../../src/services.ts'
import type { TestService } from './test-service.ts'

type Verify = Omit<TrailOptions, 'openWith'>

/** The events about a subject, all or of one type, oldest first. */
export async function eventsOf({ db }: Pick<Services, 'db'>, about: { subject: string; type?: string }) {
  const { subject, type } = about
  return await db
    .select()
    .from(auditEvents)
    .where(and(eq(auditEvents.subject, subject), type === undefined ? undefined : eq(auditEvents.type, type)))
    .orderBy(auditEvents.sequence)
}

/** Verifies the lines of an export as the CLI does. */
export async function verifyTrail(lines: readonly string[], options: Verify = {}): Promise<TrailVerdict> {
  const trail = createTrail({
    ...options,
    openWith: async (keys) => {
      const usable = await recordKeySet(keys)
      return async (signed) => await openRecord(signed, usable, checkpointType)
    },
  })
  for (const line of lines) await trail.line(line)
  return await trail.verdict()
}

/** The kinds of fault, in the order in which they were found. */
export async function faultsOf(lines: readonly string[], options: Verify = {}): Promise<string[]> {
  return (await verifyTrail(lines, options)).faults.map(({ kind }) => kind)
}

export async function exportTrail(
  service: Pick<TestService, 'request' | 'rootKey'>,
  { query = '', key = service.rootKey }: { query?: string; key?: string } = {},
): Promise<string[]> {
  const answer = await service.request(`/v1/audit-events/export${query}`, { headers: { 'X-API-Key': key } })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(text)
  return text.trimEnd().split('\n')
}

export function readLines(lines: readonly string[]): TrailLine[] {
  return lines.map((line) => JSON.parse(line))
}

export function writeLines(lines: readonly TrailLine[]): string[] {
  return lines.map((line) => JSON.stringify(line))
}

/** The hash as docs/audit.md defines it, implemented a second time. */
export function recomputedHash(previousHash: string, event: object): string {
  const told = Object.entries({ ...event, previousHash }).filter(([, value]) => value !== null)
  return createHash('sha256')
    .update(jcs(Object.fromEntries(told)), 'utf8')
    .digest('hex')
}

/** RFC 8785 */
function jcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jcs)}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${jcs(Reflect.get(value, name))}`)}}`
}

/**
 * What an attacker who can write everything but has no key does after changing an event: recompute every hash from
 * there on.
 */
export function rechained(lines: readonly TrailLine[]): TrailLine[] {
  let previousHash = '0'.repeat(64)
  return lines.map((line) => {
    if (line.kind !== 'event') return line
    const hash = recomputedHash(previousHash, line.event)
    const chained = { ...line, previousHash, hash }
    previousHash = hash
    return chained
  })
}
