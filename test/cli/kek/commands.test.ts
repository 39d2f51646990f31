import { beforeAll, describe, expect, test } from 'vitest'
import { createKeyEncryption } from '../../../src/crypto/envelope.ts'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { signingKeys } from '../../../src/db/schema.ts'
import { readEnvelopes, replaceEnvelope } from '../../../src/keks/queries.ts'
import { sealContext } from '../../../src/signing-keys/sealing.ts'
import { serveToRoot } from '../../support/listening-service.ts'
import { mintage, transcript } from '../../support/run-cli.ts'
import type { TestService } from '../../support/test-service.ts'

let service: TestService
let env: Record<string, string>
beforeAll(async () => {
  ;({ service, env } = await serveToRoot())
})

/** What the terminal shows. Ids of KEKs are random here, so they are folded. */
async function shown(...args: string[]): Promise<string> {
  return transcript(args, await mintage(args, { env })).replace(/kek_[\w-]{16}/g, 'kek_…')
}

describe('mintage kek', () => {
  test('status shows the KEKs, and rewrap shows what was moved', async () => {
    expect(await shown('kek', 'status')).toBe(`$ mintage kek status
USE    ENVELOPES  LIVE  ID
seals  4          4     kek_…
`)
    expect(await shown('kek', 'rewrap')).toBe(`$ mintage kek rewrap
moved 0 of 4 envelopes to kek_…
`)
  })

  test('a missing KEK is shown with its runbook, and stops a rewrap', async () => {
    const { db, keyEncryption } = service.services
    const [stored] = await readEnvelopes(db)
    const [row] = await db.select().from(signingKeys).orderBy(signingKeys.kid)
    if (!stored || !row) throw new Error('the ring has keys')
    const stranger = await createKeyEncryption({ kek: generateRawKek() })
    const plaintext = await keyEncryption.open(stored.envelope, sealContext(row))
    await replaceEnvelope(db, stored, await stranger.seal(plaintext, sealContext(row)))
    expect(await shown('kek', 'status')).toBe(`$ mintage kek status
USE      ENVELOPES  LIVE  ID
seals    3          3     kek_…
missing  1          1     kek_…
what a missing KEK sealed cannot be opened: docs/runbooks/lost-kek.md
`)
    expect(await shown('kek', 'rewrap')).toMatch(
      /^error: cannot rewrap: nothing was moved: signing_keys .* was sealed with the KEK kek_…, which is not configured/m,
    )
  })
})
