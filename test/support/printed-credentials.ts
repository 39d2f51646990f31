import { appendFileSync } from 'node:fs'

/** Collects what the service prints in one file. The end of the run searches it for credentials. */
export function keepForInspection(text: string): void {
  const path = process.env.MINTAGE_TEST_PRINTED
  if (path) appendFileSync(path, `${text}\n`)
}

/** The credentials in a text: complete API keys with any prefix, and three-part texts that start like a JWT. */
export function credentialsIn(text: string): string[] {
  return text.match(/[a-z0-9]{2,16}_(?:live|test)_[0-9A-Za-z]{49}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g) ?? []
}
