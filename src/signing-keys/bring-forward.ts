import { systemPrincipal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { findAuthenticatedVerifiers } from '../verifiers/queries.ts'
import type { VerifierSighting } from '../verifiers/sighting.ts'
import { periodAt } from './activations.ts'
import { readRing } from './queries.ts'
import { broughtForwardFrom, readiness } from './readiness.ts'
import { type KeyLine, linesOf, nextKey, periodsOf, type Ring, type RingKey, ringOf, standingOf } from './ring.ts'
import { appendActivation, type ChangeServices, changeRing, planNext, prepareKey, sightOf } from './ring-change.ts'

/**
 * Part of maintenance: lets the next token key sign before its planned instant once every known verifier holds it. Never before the safe instant, and
 * only in the window before the planned one (`broughtForwardFrom`). Nobody's absence delays a turn: the plan stands without this. Of several at
 * once one does it. Gives the kids that sign now.
 */
export async function bringForwardWhenReady(services: ChangeServices): Promise<string[]> {
  const { db, config, now } = services
  const rows = await readRing(db)
  if (!rows) return []
  const ring = ringOf(rows, config)
  const lines = linesOf(ring).filter((line) => line.purpose === 'token' && keyInWindow(ring, line, services))
  if (lines.length === 0) return []
  const verifiers = await findAuthenticatedVerifiers(db, now())
  const turned: string[] = []
  for (const line of lines) {
    const key = readyKey(ring, line, services, verifiers)
    const kid = key && (await bringForward(services, line, verifiers))
    if (kid !== undefined) turned.push(kid)
  }
  return turned
}

async function bringForward(
  services: ChangeServices,
  line: KeyLine,
  verifiers: readonly VerifierSighting[],
): Promise<string | undefined> {
  const spare = await prepareKey(services, line)
  const turn = changeRing(services, line, async (work) => {
    const { ring } = await sightOf(work)
    const key = readyKey(ring, line, { ...services, now: () => work.now }, verifiers)
    if (!key) throw new ServiceError('conflict')
    const former = periodAt(periodsOf(ring, line), work.now.getTime())?.kid ?? null
    const actor = systemPrincipal
    const reason = `held by all known verifiers (${readiness(verifiers, key.kid, work.now).known})`
    const next = await appendActivation(work, line, { kid: key.kid, wanted: work.now, actor: actor.clientId, reason })
    await planNext(work, line, spare, actor.clientId, next.activatesAt)
    const context = {
      ...line,
      sequence: next.sequence,
      activatesAt: next.activatesAt.toISOString(),
      former,
      revoked: [],
      forced: false,
    }
    return {
      result: key.kid,
      events: [
        { type: 'signing_key.activated', actor, organizationId: null, subject: key.kid, reason, context } as const,
      ],
    }
  })
  return await turn.catch((error: unknown) => {
    if (error instanceof ServiceError && error.code === 'conflict') return undefined // somebody else turned the ring
    throw error
  })
}

type TurnServices = Pick<ChangeServices, 'config' | 'now'>

function readyKey(
  ring: Ring,
  line: KeyLine,
  services: TurnServices,
  verifiers: readonly VerifierSighting[],
): RingKey | undefined {
  const key = keyInWindow(ring, line, services)
  return key && readiness(verifiers, key.kid, services.now()).safeToBringForward ? key : undefined
}

/** The next key of the line, when its turn lies ahead and may be brought forward to now. */
function keyInWindow(ring: Ring, line: KeyLine, { config, now }: TurnServices): RingKey | undefined {
  const at = now()
  const key = nextKey(ring, line, at)
  if (!key) return undefined
  const { activatesAt, safeAt } = standingOf(ring, key, at)
  if (!activatesAt || activatesAt <= at) return undefined
  return broughtForwardFrom({ activatesAt, safeAt, rotateEverySeconds: config.rotateEverySeconds }) <= at
    ? key
    : undefined
}
