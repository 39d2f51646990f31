import { systemPrincipal } from '../../src/access/principal.ts'
import { loadConfig } from '../../src/config/settings.ts'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { rewrapEnvelopes } from '../../src/keks/rewrap.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { createLog } from '../../src/observability/log.ts'
import { createServiceRevocationList } from '../../src/revocation/service-list.ts'
import type { Services } from '../../src/services.ts'
import { createKeyring } from '../../src/signing-keys/keyring.ts'

// A rewrap in a separate process that ends as if by kill -9 after the named step: DATABASE_URL, MINTAGE_KEK,
// MINTAGE_KEK_PREVIOUS, NOW, DIE_AFTER.

const {
  DATABASE_URL: url = '',
  MINTAGE_KEK: kek = '',
  MINTAGE_KEK_PREVIOUS: previous = '',
  NOW = '',
  DIE_AFTER,
} = process.env
const { config } = loadConfig({ MINTAGE_ISSUER: 'https://auth.example' })
const database = openPostgres({ url, pooler: 'none', deadlineMilliseconds: 15_000 })
const { db } = database
const now = () => new Date(NOW)
const log = createLog({ threshold: 'debug', now, write: (line) => console.log(line) })
const keyEncryption = await createKeyEncryption({ kek, previousKeks: [previous] })
const transaction: Services['transaction'] = (work) => db.transaction(work)
const revocations = createServiceRevocationList({ db, database, now, pollMilliseconds: 1000 })
const base = { db, transaction, now, config, keyEncryption, log }
const keyring = createKeyring({ ...base, platform: nodePlatform() })
await rewrapEnvelopes({ ...base, keyring, revocations }, systemPrincipal, {
  afterStep(step, row) {
    if (`${step}:${row}` === DIE_AFTER) process.kill(process.pid, 'SIGKILL')
  },
})
