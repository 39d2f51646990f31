import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { invalidRequest } from '../../errors.ts'
import { activateSigningKey, tryActivatingSigningKey } from '../../signing-keys/activate.ts'
import { addSigningKey } from '../../signing-keys/add.ts'
import { importSigningKey } from '../../signing-keys/import.ts'
import { listSigningKeys, showSigningKey } from '../../signing-keys/read.ts'
import { replaceSigningKey, tryReplacingSigningKey } from '../../signing-keys/replace.ts'
import { rollbackSigningKey } from '../../signing-keys/roll-back.ts'
import { rotateSigningKey, tryRotatingSigningKey } from '../../signing-keys/rotate.ts'
import { algorithms } from '../../signing-keys/signer.ts'
import type { AppEnv } from '../context.ts'
import { answerOrImpact, dryRun } from './impact.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer, onePage, onePageAnswer } from './route.ts'
import { instant, text, word } from './schemas.ts'

const purpose = z.enum(['token', 'record'])
const algorithm = z.enum(algorithms)

const signingKey = z
  .object({
    kid: z.string().openapi({ description: 'RFC 7638 thumbprint' }),
    purpose,
    algorithm,
    version: z.int().openapi({ description: 'Sequence number of the key within its purpose and algorithm' }),
    origin: z.enum(['generated', 'imported']),
    state: z.enum(['pending', 'active', 'retiring', 'retired', 'revoked']),
    createdAt: instant,
    createdBy: z.string(),
    publishedAt: instant,
    safeAt: instant.openapi({ description: 'From this time the key may sign: all verifiers have it' }),
    activatesAt: instant.nullable(),
    followedAt: instant.nullable().openapi({ description: 'When another key took over, or will' }),
    retiresAt: instant.nullable().openapi({ description: 'From this time it is no longer published' }),
    revokedAt: instant.nullable(),
    revokedBy: z.string().nullable(),
    revocationReason: z.string().nullable(),
    usage: z.object({ tokens: z.int(), lastSignedAt: instant, lastExpiresAt: instant }).nullable(),
  })
  .openapi('SigningKey')

const heldBy = z
  .array(z.object({ name: z.string(), lastFetchedAt: instant }))
  .openapi({ description: 'At most 20. The counts include all' })

/** Which verifiers have a key that does not sign yet. Only authenticated verifiers count. */
const holders = z.object({ holding: z.int(), known: z.int(), waitingFor: heldBy, absent: heldBy }).nullable()

const readiness = {
  verifiers: holders.openapi({
    description: 'Which authenticated verifiers have the pending key. Null for keys in any other state',
  }),
}

const signingKeyDetail = signingKey
  .extend({
    ...readiness,
    activations: z.array(
      z.object({
        sequence: z.int(),
        activatesAt: instant,
        state: z.enum(['effective', 'planned', 'overtaken']),
        decidedAt: instant,
        actor: z.string(),
        reason: z.string(),
      }),
    ),
  })
  .openapi('SigningKeyDetail')

const series = { purpose: purpose.default('token'), algorithm: algorithm.default('ES256') }
const force = {
  force: z
    .boolean()
    .default(false)
    .openapi({ description: 'For incidents: activate before it is safe. Verifiers may reject valid tokens' }),
  revokeFormer: z
    .boolean()
    .default(false)
    .openapi({ description: 'With force: also revoke the previous key and all its tokens' }),
  reason: text(200).optional(),
  dryRun,
}
const rotation = z.strictObject({ ...series, ...force }).openapi('SigningKeyRotation')
const activation = z.strictObject(force).openapi('SigningKeyActivation')
const rollback = z.strictObject({ ...series, reason: text(200).optional() }).openapi('SigningKeyRollback')
const compromise = z
  .strictObject({
    ...series,
    compromised: z
      .literal(true)
      .openapi({ description: 'Confirms that all tokens signed with the key are revoked permanently' }),
    kid: word(128).optional().openapi({ description: 'The key that leaked. If absent, the active one' }),
    distrustPending: z.boolean().default(false),
    reason: text(200).optional(),
    dryRun,
  })
  .openapi('SigningKeyCompromise')
const replacement = z
  .object({ active: signingKey.nullable(), next: signingKey.nullable(), revoked: z.array(signingKey) })
  .openapi('SigningKeyReplacement')
const foreignKey = z
  .strictObject({
    purpose: purpose.default('token'),
    algorithm: algorithm.optional(),
    pem: z.string().min(1).max(12_000).optional().openapi({ description: 'PKCS #8, not encrypted' }),
    jwk: z.record(z.string().max(64), z.unknown()).optional().openapi({ description: 'A private JWK' }),
  })
  .openapi('ForeignSigningKey')

const ringTrial = z
  .object({
    dryRun: z.literal(true),
    signsNow: z.string().nullable().openapi({ description: 'kid of the key that signs now' }),
    wouldSign: z.string().nullable().openapi({ description: 'kid of the key that would sign. Null: a new key' }),
    safeAt: instant.nullable().openapi({ description: 'From this time all verifiers have the key that would sign' }),
    early: z.boolean().openapi({ description: 'It would sign before that time. Verifiers may reject its tokens' }),
    revoked: z
      .array(z.string())
      .openapi({ description: 'Keys that would be revoked, with all tokens that they signed' }),
    tokensLiveUntil: instant.nullable().openapi({ description: 'When the last of those tokens expires by itself' }),
    verifiers: holders.openapi({ description: 'Which authenticated verifiers have the key that would sign' }),
  })
  .openapi('SigningKeyTrial')

const nowOrTrial = { 200: answerOrImpact('The key that signs now', signingKey, ringTrial) }
const signsNow = { 200: jsonAnswer('The key that signs now', signingKey) }

const listRoute = adminRoute('GET /signing-keys', 'listSigningKeys', {
  permission: 'signing_keys.read',
  summary: 'List signing keys with their planned times, all on one page',
  answers: { 200: onePageAnswer('The keys', signingKey.extend(readiness).openapi('ListedSigningKey')) },
})

const showRoute = adminRoute('GET /signing-keys/{id}', 'showSigningKey', {
  permission: 'signing_keys.read',
  summary: 'Show a signing key with its history',
  answers: { 200: jsonAnswer('The key', signingKeyDetail) },
})

const rotateRoute = adminRoute('POST /signing-keys/rotate', 'rotateSigningKey', {
  permission: 'signing_keys.rotate',
  summary: 'Rotate: activate the next key, and publish a new one',
  optionalBody: rotation,
  answers: nowOrTrial,
})

const activateRoute = adminRoute('POST /signing-keys/{id}/activate', 'activateSigningKey', {
  permission: 'signing_keys.rotate',
  summary: 'Activate this pending key',
  optionalBody: activation,
  answers: nowOrTrial,
})

const rollbackRoute = adminRoute('POST /signing-keys/rollback', 'rollbackSigningKey', {
  permission: 'signing_keys.rotate',
  summary: 'Return to the previous key while it is still published',
  optionalBody: rollback,
  answers: signsNow,
})

const replaceRoute = adminRoute('POST /signing-keys/replace', 'replaceSigningKey', {
  permission: 'signing_keys.replace',
  summary: 'Replace a compromised key at once, and revoke all tokens signed with it',
  body: compromise,
  answers: { 200: answerOrImpact('The active key, the next key and the revoked keys', replacement, ringTrial) },
})

const importRoute = adminRoute('POST /signing-keys/import', 'importSigningKey', {
  permission: 'signing_keys.import',
  summary: 'Import a private key as the next signing key',
  body: foreignKey,
  answers: { 201: jsonAnswer('The published key', signingKey) },
})

const addRoute = adminRoute('POST /signing-keys/add', 'addSigningKey', {
  permission: 'signing_keys.add',
  summary: 'Create the first key of another algorithm',
  body: z.strictObject({ algorithm }).openapi('SigningKeyAddition'),
  answers: { 201: jsonAnswer('The published key', signingKey) },
})

export function signingKeyRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listRoute, async (c) => {
    return c.json(onePage(await listSigningKeys(c.var.services, c.var.principal)), 200)
  })

  app.openapi(showRoute, async (c) => {
    return c.json(await showSigningKey(c.var.services, c.var.principal, c.req.valid('param').id), 200)
  })

  app.openapi(rotateRoute, async (c) => {
    const { dryRun: tries, ...asked } = bodyOrDefaults(rotation, c.req.valid('json'))
    if (tries) return c.json(await tryRotatingSigningKey(c.var.services, c.var.principal, asked), 200)
    return c.json(await rotateSigningKey(c.var.services, c.var.principal, asked), 200)
  })

  app.openapi(activateRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...asked } = bodyOrDefaults(activation, c.req.valid('json'))
    if (tries) return c.json(await tryActivatingSigningKey(c.var.services, c.var.principal, id, asked), 200)
    return c.json(await activateSigningKey(c.var.services, c.var.principal, id, asked), 200)
  })

  app.openapi(rollbackRoute, async (c) => {
    return c.json(
      await rollbackSigningKey(c.var.services, c.var.principal, bodyOrDefaults(rollback, c.req.valid('json'))),
      200,
    )
  })

  app.openapi(replaceRoute, async (c) => {
    const { compromised: _, dryRun: tries, ...compromise } = c.req.valid('json')
    if (tries) return c.json(await tryReplacingSigningKey(c.var.services, c.var.principal, compromise), 200)
    return c.json(await replaceSigningKey(c.var.services, c.var.principal, compromise), 200)
  })

  app.openapi(importRoute, async (c) => {
    const { pem, jwk, ...keySeries } = c.req.valid('json')
    return c.json(await importSigningKey(c.var.services, c.var.principal, { ...keySeries, key: keyOf(pem, jwk) }), 201)
  })

  app.openapi(addRoute, async (c) => {
    return c.json(await addSigningKey(c.var.services, c.var.principal, c.req.valid('json')), 201)
  })
}

function keyOf(pem: string | undefined, jwk: Record<string, unknown> | undefined) {
  if (pem !== undefined && jwk === undefined) return { pem }
  if (jwk !== undefined && pem === undefined) return { jwk }
  throw invalidRequest('Send the key either as pem or as jwk.')
}
