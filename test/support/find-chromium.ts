import { existsSync } from 'node:fs'

const programs = ['/usr/bin/chromium', '/usr/local/bin/chromium', '/Applications/Chromium.app/Contents/MacOS/Chromium']

/** The browser, where its package is installed; none is ever downloaded. */
export function findChromium(): string | undefined {
  return programs.find((path) => existsSync(path))
}
