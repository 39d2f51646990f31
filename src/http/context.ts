import type { Principal, RequestOrigin } from '../access/principal.ts'
import type { Services } from '../services.ts'

/** What every handler finds on Hono's context. */
export type AppEnv = {
  Variables: {
    services: Services
    requestId: string
    /** The instant the request arrived: stamps what is decided for it. */
    receivedAt: Date
    origin: RequestOrigin
    /** Set by `authenticate` on the admin routes, absent elsewhere. */
    principal: Principal
  }
}
