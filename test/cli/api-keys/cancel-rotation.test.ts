import { expect, test } from 'vitest'
import { apiKeysAtTerminal } from '../../support/api-keys-at-terminal.ts'
import { mintage } from '../../support/run-cli.ts'

const { service, url, folder, shown, json, asked, create } = await apiKeysAtTerminal()

test('a rotation taken back asks first, and its dry run shows who uses the version that ends', async () => {
  const { apiKey } = await create()
  const { secret } = await json('api-keys', 'rotate', apiKey.id, '--overlap', '24h')
  await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'shop/2' } })
  await service.services.usage.flush()
  const cancel = ['api-keys', 'rotate', apiKey.id, '--cancel']
  expect(await shown(...cancel, '--dry-run')).toMatch(
    /^version 2 would end; version 1 is the newest again, and works as long as the key$.*shop\/2$/ms,
  )
  expect(await asked(cancel)).toEqual(['Cancel the rotation? Version 2 and its tokens stop working at once.'])
  expect((await mintage(cancel, { cwd: folder })).stderr).toMatch(
    /^error: confirmation required: .*\nhint: add --yes$/m,
  )
  expect(await json('api-keys', 'show', apiKey.id)).toMatchObject({ version: 2 })
  expect(await shown(...cancel, '--yes')).toBe(
    `$ mintage api-keys rotate key_… --cancel --yes
ended version 2 of key_… and its tokens; version 1 is the newest again, and works as long as the key
`,
  )
  expect(await shown('api-keys', 'versions', apiKey.id)).toMatch(/^2 +cancelled .*\n1 +newest /m)
  expect(await shown(...cancel, '--yes')).toBe(
    `$ mintage api-keys rotate key_… --cancel --yes
error: cannot cancel the rotation: no earlier version of this key works. A rotation can be cancelled only during its overlap. Rotate the key again instead
[1]
`,
  )
})

test('the owner of a key takes its rotation back with the new secret, and goes on with the previous one', async () => {
  const { secret } = await create()
  const as = (key: string) => ({ env: { MINTAGE_URL: url, MINTAGE_API_KEY: key } })
  const rotated = await mintage(['me', 'rotate', '--json'], as(secret))
  const { secret: fresh } = JSON.parse(rotated.stdout)
  const cancel = ['me', 'rotate', '--cancel']
  expect((await mintage(cancel, as(fresh))).stderr).toMatch(
    /^error: confirmation required: .* You use that secret now, so you need the previous one afterwards\.\nhint: add --yes$/m,
  )
  expect(await mintage([...cancel, '--yes'], as(secret))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('only the newest secret of the key may cancel its rotation'),
  })
  expect(await mintage([...cancel, '--yes'], as(fresh))).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ended version 2 of key_\w+ and its tokens; version 1 is the newest again/),
    stderr: 'the secret that this terminal used has ended: use the previous one\n',
  })
  expect((await mintage(['me'], as(fresh))).code).toBe(1)
  expect((await mintage(['me'], as(secret))).stdout).toMatch(/^this secret {2}version 1$/m)
})
