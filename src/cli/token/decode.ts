import { type JsonObject, readJsonObject } from '../../kit/json-object.ts'
import { readTokenText } from '../../kit/token/token-text.ts'
import { type Cli, print } from '../runtime/command.ts'
import { UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { fields } from '../runtime/output.ts'

/**
 * Prints header and claims of the token on standard input. Verifies nothing, and says so: anybody can write such a
 * text.
 */
export async function printDecoded(cli: Cli, options: { json?: boolean }): Promise<void> {
  const { header, claims } = decode(await readToken(cli, 'mintage token --decode'))
  print(cli, options, { verified: false, header, claims }, () => `${jsonFields(header)}\n\n${jsonFields(claims)}`)
  if (!options.json) cli.output.warn('not verified: anybody can write this; `mintage verify` checks it')
}

/** Reads a token, with or without `Bearer`, from standard input: other people can read the command line. */
export async function readToken(cli: Cli, command: string): Promise<string> {
  const text = (await readCredential(cli.input)).trim().replace(/^Bearer /i, '')
  if (text === '') throw new UsageError('there is no token on standard input', { hint: `mintage token | ${command}` })
  return text
}

/** One claim a line, with times written out. */
export function jsonFields(object: JsonObject): string {
  return fields(Object.fromEntries(Object.entries(object).map(([name, value]) => [name, shown(name, value)])))
}

function decode(text: string): { header: JsonObject; claims: JsonObject } {
  const parts = readTokenText(text)
  if (parts === 'too_long')
    throw new UsageError('the input is longer than any token', { hint: 'mintage token | mintage token --decode' })
  const [header, claims] =
    parts === 'malformed' ? [parts, parts] : [readJsonObject(parts.header), readJsonObject(parts.payload)]
  if (typeof header === 'string' || typeof claims === 'string') {
    throw new UsageError('this is not a token: a token has three parts of base64url with JSON inside', {
      hint: 'mintage token | mintage token --decode',
    })
  }
  return { header, claims }
}

const timeClaims = new Set(['iat', 'exp', 'nbf', 'auth_time'])

function shown(name: string, value: unknown): string | number | null {
  if (timeClaims.has(name) && typeof value === 'number' && Math.abs(value) < 8.64e12) {
    return `${value}  ${new Date(value * 1000).toISOString().replace('.000Z', 'Z')}`
  }
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)
}
