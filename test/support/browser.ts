import { type Browser, type BrowserContextOptions, chromium as playwright } from 'playwright-core'
import { inject } from 'vitest'
import { releaseAfterFile } from './cleanup.ts'

/** Path of the browser; null where none is installed. */
export const chromium: string | null = inject('chromium')

/** A headless Chromium with an empty profile, which sends no requests by itself. Closed when the test file ends. */
export async function openBrowser(): Promise<Browser> {
  if (chromium === null) throw new Error('chromium is not installed: check `chromium` first')
  const browser = await playwright.launch({ executablePath: chromium, args: flags, timeout: 0 })
  releaseAfterFile(() => browser.close())
  return browser
}

/** Chromium refuses to sandbox root, and containers have little shared memory. */
const flags = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Opens a page that may load from `origin` only. `complaints` collects violations, console errors and blocked requests,
 * in order.
 */
export async function openPage(browser: Browser, origin: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ serviceWorkers: 'block', ...options })
  const complaints: string[] = []
  await context.route(
    (url) => url.origin !== origin,
    (route) => {
      complaints.push(`request to ${new URL(route.request().url()).origin}`)
      return route.abort()
    },
  )
  await context.exposeFunction('reportViolation', (directive: string) => complaints.push(`violation of ${directive}`))
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', (event) => reportViolation(event.effectiveDirective))`,
  )
  const page = await context.newPage()
  page.setDefaultTimeout(100_000) // less than the test's timeout, so that the error says what was awaited
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`)
  })
  return { page, complaints }
}
