import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { showCaller } from '../../api-keys/caller.ts'
import { cancelOwnRotation, tryCancellingOwnRotation } from '../../api-keys/cancel-rotation.ts'
import { revokeOwnApiKey, tryRevokingOwnApiKey } from '../../api-keys/revoke.ts'
import { rotateOwnApiKey, tryRotatingOwnApiKey } from '../../api-keys/rotate.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { apiKey } from './api-key-schemas.ts'
import {
  cancellation,
  cancellationImpact,
  cancelledRotation,
  overlapSeconds,
  rotatedApiKey,
  rotationImpact,
} from './api-key-versions.ts'
import { answerOrImpact, dryRun, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer } from './route.ts'
import { instant } from './schemas.ts'

const caller = apiKey
  .extend({
    limits: z
      .object({ requestsPerMinute: z.int(), requestsPerMonth: z.int() })
      .openapi({ description: 'Limits of the key, or of its plan' }),
    usedVersion: z
      .object({ version: z.int(), endsAt: instant.nullable() })
      .nullable()
      .openapi({ description: 'Version of the secret that was sent. Null: an access token was sent' }),
    worksUntil: instant
      .nullable()
      .openapi({ description: 'When the secret that was sent stops working. Null: no end is planned' }),
  })
  .openapi('Caller')

const rotation = z.strictObject({ overlapSeconds, dryRun }).openapi('CallerRotation')
const revocation = z.strictObject({ ...because, dryRun }).openapi('CallerRevocation')

const revocationImpact = impact
  .extend({
    lastRootKey: z.boolean().openapi({ description: 'No other root key works' }),
    lastAdministrator: z.boolean().openapi({ description: 'No other key can administer its organization' }),
  })
  .openapi('CallerRevocationImpact')

const showCallerRoute = adminRoute('GET /me', 'showCaller', {
  permission: 'any caller',
  summary: 'Show the API key of the caller. Needs no role',
  answers: { 200: jsonAnswer('The key', caller) },
})

const rotateCallerRoute = adminRoute('POST /me/rotate', 'rotateCaller', {
  permission: 'any caller',
  summary: 'Rotate the API key of the caller. Needs its newest secret, and no role',
  ifMatch: true,
  optionalBody: rotation,
  answers: { 200: answerOrImpact('The key and its new secret', rotatedApiKey, rotationImpact) },
})

const cancelCallerRotationRoute = adminRoute('POST /me/rotate/cancel', 'cancelRotationOfCaller', {
  permission: 'any caller',
  summary: 'Take the rotation of the calling key back. Needs its newest secret, which ends, and no role',
  ifMatch: true,
  optionalBody: cancellation,
  answers: { 200: answerOrImpact('The key', cancelledRotation, cancellationImpact) },
})

const revokeCallerRoute = adminRoute('POST /me/revoke', 'revokeCaller', {
  permission: 'any caller',
  summary: 'Revoke the API key of the caller and all its tokens. Needs no role',
  ifMatch: true,
  optionalBody: revocation,
  answers: { 200: jsonAnswer('Dry run only: what would break', revocationImpact), 204: { description: 'Revoked' } },
})

/** What every API key may do with itself. A key without roles has no other access to the admin API. */
export function meRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(showCallerRoute, async (c) => {
    const shown = await showCaller(c.var.services, c.var.principal)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(rotateCallerRoute, async (c) => {
    const { dryRun: tries, ...asked } = c.req.valid('json')
    if (tries) return c.json(await tryRotatingOwnApiKey(c.var.services, c.var.principal, asked), 200)
    const rotated = await rotateOwnApiKey(c.var.services, c.var.principal, asked)
    return c.json(rotated, 200, { 'Cache-Control': 'no-store', ...tagged(rotated.apiKey) })
  })

  app.openapi(cancelCallerRotationRoute, async (c) => {
    const { dryRun: tries } = bodyOrDefaults(cancellation, c.req.valid('json'))
    if (tries) return c.json(await tryCancellingOwnRotation(c.var.services, c.var.principal), 200)
    const cancelled = await cancelOwnRotation(c.var.services, c.var.principal)
    return c.json(cancelled, 200, tagged(cancelled.apiKey))
  })

  app.openapi(revokeCallerRoute, async (c) => {
    const { dryRun: tries, ...asked } = bodyOrDefaults(revocation, c.req.valid('json'))
    if (tries) return c.json(await tryRevokingOwnApiKey(c.var.services, c.var.principal), 200)
    await revokeOwnApiKey(c.var.services, c.var.principal, asked)
    return c.body(null, 204)
  })
}
