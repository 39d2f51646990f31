import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { cancelRotation, tryCancellingRotation } from '../../api-keys/cancel-rotation.ts'
import { rotateApiKey, tryRotatingApiKey } from '../../api-keys/rotate.ts'
import { endApiKeyVersion, listApiKeyVersions, tryEndingApiKeyVersion } from '../../api-keys/versions.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { apiKey, secret, settings, widerTokensUntil } from './api-key-schemas.ts'
import { answerOrImpact, dryRun, impact } from './impact.ts'
import { adminRoute, bodyOrDefaults, pageAnswer } from './route.ts'
import { idParam, instant, pageQuery } from './schemas.ts'

/** A year at most; the organization's plan may allow less. */
export const overlapSeconds = z
  .int()
  .min(0)
  .max(31_536_000)
  .optional()
  .openapi({ description: 'How long the previous secret keeps working. 0: not at all. If absent, as the plan sets' })

const rotation = z
  .strictObject({ ...settings, name: settings.name.optional(), overlapSeconds, dryRun })
  .openapi('ApiKeyRotation', { description: 'Absent members keep their values. Changes apply to both versions' })

export const rotatedApiKey = z
  .object({
    apiKey,
    secret,
    formerVersion: z.object({ version: z.int(), endsAt: instant }),
    widerTokensUntil,
  })
  .openapi('RotatedApiKey')

export const rotationImpact = impact
  .extend({ formerVersion: z.object({ version: z.int(), endsAt: instant }) })
  .openapi('RotationImpact', { description: 'apiKeys is 0 if no secret and no token would end earlier' })

const newestVersion = z.object({
  version: z.int(),
  endsAt: instant.nullable().openapi({ description: 'Null: it ends with the key' }),
})

export const cancelledRotation = z
  .object({ apiKey, cancelledVersion: z.int(), newestVersion })
  .openapi('CancelledRotation', { description: 'The previous version is the newest again' })

export const cancellationImpact = impact
  .extend({
    cancelledVersion: z.int(),
    newestVersion,
    endsCaller: z.boolean().openapi({ description: 'The caller itself uses the version that ends' }),
  })
  .openapi('RotationCancellationImpact')

const version = z
  .object({
    version: z.int(),
    state: z
      .enum(['newest', 'overlapping', 'ended', 'cancelled'])
      .openapi({ description: 'cancelled: it ended because its rotation was taken back' }),
    hint: z.string(),
    imported: z.boolean(),
    createdAt: instant,
    endsAt: instant.nullable().openapi({ description: 'Null: it ends with the key' }),
    exchanges: z.int(),
    lastUsedAt: instant.nullable(),
    lastExpiresAt: instant.nullable().openapi({ description: 'When its last token expires, unless it was revoked' }),
    addresses: z.array(z.string()).openapi({ description: 'The most recent, newest first' }),
    agents: z.array(z.string()).openapi({ description: 'The most recent, newest first' }),
  })
  .openapi('ApiKeyVersion')

const versionParam = idParam.extend({
  version: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .openapi({ param: { name: 'version', in: 'path' }, type: 'integer' }),
})

const versionEnd = z.strictObject({ dryRun }).openapi('ApiKeyVersionEnd')

export const cancellation = z.strictObject({ dryRun }).openapi('RotationCancellation')

const rotateApiKeyRoute = adminRoute('POST /api-keys/{id}/rotate', 'rotateApiKey', {
  permission: 'api_keys.rotate',
  summary: 'Rotate the secret of an API key. The previous secret keeps working during an overlap',
  ifMatch: true,
  optionalBody: rotation,
  answers: { 200: answerOrImpact('The key and its new secret', rotatedApiKey, rotationImpact) },
})

const cancelRotationRoute = adminRoute('POST /api-keys/{id}/rotate/cancel', 'cancelRotation', {
  permission: 'api_keys.rotate',
  summary: 'Take a rotation back during its overlap: the new version ends, the previous one is the newest again',
  ifMatch: true,
  optionalBody: cancellation,
  answers: { 200: answerOrImpact('The key', cancelledRotation, cancellationImpact) },
})

const listVersionsRoute = adminRoute('GET /api-keys/{id}/versions', 'listApiKeyVersions', {
  permission: 'api_keys.read',
  summary: 'List the versions of an API key and their usage, newest first',
  query: pageQuery,
  answers: { 200: pageAnswer(version, 'One page. Usage is a few seconds behind') },
})

const endVersionRoute = adminRoute('POST /api-keys/{id}/versions/{version}/end', 'endApiKeyVersion', {
  permission: 'api_keys.rotate',
  summary: 'End an overlap now: this version, all older ones and their tokens stop working',
  ifMatch: true,
  params: versionParam,
  optionalBody: versionEnd,
  answers: { 200: answerOrImpact('The key', apiKey, impact) },
})

export function apiKeyVersionRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(rotateApiKeyRoute, async (c) => {
    const { overlapSeconds: overlap, dryRun: tries, ...change } = c.req.valid('json')
    const { id } = c.req.valid('param')
    const asked = { overlapSeconds: overlap, change }
    if (tries) return c.json(await tryRotatingApiKey(c.var.services, c.var.principal, id, asked), 200)
    const rotated = await rotateApiKey(c.var.services, c.var.principal, id, asked)
    return c.json(rotated, 200, { 'Cache-Control': 'no-store', ...tagged(rotated.apiKey) })
  })

  app.openapi(cancelRotationRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries } = bodyOrDefaults(cancellation, c.req.valid('json'))
    if (tries) return c.json(await tryCancellingRotation(c.var.services, c.var.principal, id), 200)
    const cancelled = await cancelRotation(c.var.services, c.var.principal, id)
    return c.json(cancelled, 200, tagged(cancelled.apiKey))
  })

  app.openapi(listVersionsRoute, async (c) => {
    return c.json(
      await listApiKeyVersions(c.var.services, c.var.principal, c.req.valid('param').id, c.req.valid('query')),
      200,
    )
  })

  app.openapi(endVersionRoute, async (c) => {
    const { id, version: ended } = c.req.valid('param')
    const { dryRun: tries } = bodyOrDefaults(versionEnd, c.req.valid('json'))
    if (tries) return c.json(await tryEndingApiKeyVersion(c.var.services, c.var.principal, id, ended), 200)
    const changed = await endApiKeyVersion(c.var.services, c.var.principal, id, ended)
    return c.json(changed, 200, tagged(changed))
  })
}
