import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { kekStatus } from '../../keks/read.ts'
import { rewrapEnvelopes } from '../../keks/rewrap.ts'
import type { AppEnv } from '../context.ts'
import { adminRoute, jsonAnswer, onePage, onePageAnswer } from './route.ts'

const kek = z
  .object({
    id: z.string().nullable().openapi({ description: 'Null for damaged envelopes' }),
    use: z.enum(['seals', 'opens', 'missing']),
    envelopes: z.int(),
    liveEnvelopes: z.int().openapi({ description: 'Envelopes of keys that are neither retired nor revoked' }),
  })
  .openapi('Kek')

const rewrap = z
  .object({
    kek: z.string(),
    envelopes: z.int(),
    moved: z.int(),
    left: z.array(z.string()).openapi({ description: 'Retired and revoked keys whose envelopes cannot be opened' }),
  })
  .openapi('KekRewrap')

const listKeksRoute = adminRoute('GET /keks', 'kekStatus', {
  permission: 'keks.read',
  summary: 'List the configured KEKs and how many envelopes each sealed, all on one page',
  answers: { 200: onePageAnswer('The KEKs', kek) },
})

const rewrapRoute = adminRoute('POST /keks/rewrap', 'rewrapEnvelopes', {
  permission: 'keks.rewrap',
  summary: 'Rewrap all envelopes with the current KEK',
  answers: { 200: jsonAnswer('The number of envelopes that were rewrapped', rewrap) },
})

export function kekRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listKeksRoute, async (c) => {
    return c.json(onePage(await kekStatus(c.var.services, c.var.principal)), 200)
  })

  app.openapi(rewrapRoute, async (c) => {
    const { left, ...moved } = await rewrapEnvelopes(c.var.services, c.var.principal)
    return c.json({ ...moved, left: [...left] }, 200)
  })
}
