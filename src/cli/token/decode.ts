import { type JsonObject, readJsonObject } from '../../kit/json-object.ts'
import { readTokenText } from '../../kit/token/token-text.ts'
import { type Cli, print } from '../runtime/command.ts'
import { UsageError } from '../runtime/failure.ts'
import { readCredential } from '../runtime/input.ts'
import { fields } from '../runtime/output.ts'

/** Header and claims of the token on standard input. Nothing is verified, and it says so: anybody can write such a text. */
export async function printDecoded(cli: Cli, options: { json?: boolean }): Promise<void> {
  const { header, claims } = decode(await readToken(cli, 'mintage token --decode'))
  print(cli, options, { verified: false, header, claims }, () => `${jsonFields(header)}\n\n${jsonFields(claims)}`)
  if (!options.json) cli.output.warn('not verified: anybody can write this; `mintage verify` tells whether it is good')
}

/** The token on standard input, bare or as the answer of /token. It must not stand in the command line, which other people can read. */
export async function readToken(cli: Cli, command: string): Promise<string> {
  const text = (await readCredential(cli.input)).trim().replace(/^Bearer /i, '')
  if (text === '') throw new UsageError('there is no token on standard input', { hint: `mintage token | ${command}` })
  return text
}

/** Claims under one another, instants in words. */
export function jsonFields(object: JsonObject): string {
  return fields(Object.fromEntries(Object.entries(object).map(([name, value]) => [name, shown(name, value)])))
}

function decode(text: string): { header: JsonObject; claims: JsonObject } {
  const parts = readTokenText(text)
  if (parts === 'too_long')
    throw new UsageError('this is longer than any token', { hint: 'mintage token | mintage token --decode' })
  const [header, claims] =
    parts === 'malformed' ? [parts, parts] : [readJsonObject(parts.header), readJsonObject(parts.payload)]
  if (typeof header === 'string' || typeof claims === 'string') {
    throw new UsageError('this is no token: three parts of base64url with JSON inside', {
      hint: 'mintage token | mintage token --decode',
    })
  }
  return { header, claims }
}

const instants = new Set(['iat', 'exp', 'nbf', 'auth_time'])

function shown(name: string, value: unknown): string | number | null {
  if (instants.has(name) && typeof value === 'number' && Math.abs(value) < 8.64e12) {
    return `${value}  ${new Date(value * 1000).toISOString().replace('.000Z', 'Z')}`
  }
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)
}
