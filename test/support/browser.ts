import { type Browser, type BrowserContextOptions, chromium as playwright } from 'playwright-core'
import { inject } from 'vitest'
import { releaseAfterFile } from './cleanup.ts'

/** The program; null where it is not installed. */
export const chromium: string | null = inject('chromium')

/** A headless Chromium with a profile of its own that asks nobody for anything by itself; closed when the test file ends. */
export async function openBrowser(): Promise<Browser> {
  if (chromium === null) throw new Error('no Chromium here: ask chromium first')
  const browser = await playwright.launch({ executablePath: chromium, args: flags })
  releaseAfterFile(() => browser.close())
  return browser
}

/** Root gets no sandbox from Chromium, and containers have little shared memory. */
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

/** A page that may load from `origin` only, and whatever a person with the console open would frown at, in order. */
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
  page.setDefaultTimeout(15_000) // under the ceiling of a test, so that what was waited for is told
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`)
  })
  return { page, complaints }
}
