import { appendFileSync } from 'node:fs'

/** Everything that the service printed while the suite ran goes to one file: the end of the run searches it for credentials. */
export function keepForInspection(text: string): void {
  const path = process.env.MINTAGE_TEST_PRINTED
  if (path) appendFileSync(path, `${text}\n`)
}

/** The credentials in a text: whole API keys of any prefix, and anything with three parts that begins like a JWT. */
export function credentialsIn(text: string): string[] {
  return text.match(/[a-z0-9]{2,16}_(?:live|test)_[0-9A-Za-z]{49}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g) ?? []
}
