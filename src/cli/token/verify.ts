import { type Command, Option } from 'commander'
import { readJsonObject } from '../../kit/json-object.ts'
import { readTokenText } from '../../kit/token/token-text.ts'
import type { AccessToken, AccessTokenError, AccessTokenErrorReason } from '../../kit/verify.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { findUrl } from '../runtime/credentials.ts'
import { CliError, NotVerifiedError, UsageError } from '../runtime/failure.ts'
import { withSpinner } from '../runtime/progress.ts'
import { jsonFields, readToken } from './decode.ts'

type VerifyOptions = { issuer?: string; audience?: string; environment?: 'live' | 'test'; json?: boolean }

/**
 * `mintage verify`: verifies a token as an application with the kit does. Exit code 0 = valid, 3 = not valid, 1 =
 * cannot verify now.
 */
export function addVerifyCommand(program: Command, cli: Cli): void {
  verb(
    program,
    'verify',
    'verify the access token on standard input, as an application does',
    'mintage token | mintage verify',
  )
    .option('--issuer <url>', 'who must have issued it (default: this service)')
    .option('--audience <audience>', 'who it must be for (default: <issuer>/api)')
    .addOption(
      new Option('--environment <environment>', 'the environment of its key (default: the one that it names)').choices([
        'live',
        'test',
      ]),
    )
    .addHelpText('after', '\nExit code 0: it is valid; 3: it is not; 1: it cannot be verified now.')
    .action(async (options: VerifyOptions) => {
      const token = await readToken(cli, 'mintage verify')
      const { issuer = findUrl(cli), environment = environmentNamedBy(token) } = options
      const { audience = `${issuer}/api` } = options
      const verified = await withSpinner(cli, options, `verifying with ${issuer}`, () =>
        verify(token, { issuer, audience, environment }),
      )
      print(cli, options, { verified: true, issuer, audience, environment, claims: verified.claims }, () =>
        jsonFields(verified.claims),
      )
      if (!options.json)
        cli.output.warn(`verified: issued by ${issuer} for ${audience}, ${environment}, and not revoked`)
    })
}

/** `live` unless the token, which is not verified yet, says `test`. */
function environmentNamedBy(token: string): 'live' | 'test' {
  const parts = readTokenText(token)
  const claims = typeof parts === 'string' ? parts : readJsonObject(parts.payload)
  return typeof claims !== 'string' && claims.env === 'test' ? 'test' : 'live'
}

async function verify(
  token: string,
  expected: { issuer: string; audience: string; environment: 'live' | 'test' },
): Promise<AccessToken> {
  const { AccessTokenError, createVerifier } = await import('../../kit/verify.ts')
  const verifier = newVerifier(() => createVerifier({ ...expected, cacheSize: 0 }))
  try {
    return await verifier.verify(token)
  } catch (error) {
    throw error instanceof AccessTokenError ? explain(error, expected) : error
  } finally {
    await verifier.close()
  }
}

function newVerifier<Verifier>(create: () => Verifier): Verifier {
  try {
    return create()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message, { hint: 'mintage verify --help' })
  }
}

function explain(
  { code, reason }: AccessTokenError,
  { issuer, environment }: { issuer: string; environment: 'live' | 'test' },
): CliError {
  const [words, hint] = meanings[reason]
  if (code === 'unavailable')
    return new CliError(`cannot verify the token right now: ${words}`, {
      code: reason,
      hint: hint ?? `check that ${issuer} is up: mintage doctor`,
    })
  const otherEnvironment =
    environment === 'live' ? 'mintage verify --environment test' : 'mintage verify --environment live'
  return new NotVerifiedError(`not verified: ${words}`, {
    code: reason,
    hint: reason === 'environment' ? otherEnvironment : (hint ?? '`mintage token --decode` shows what it says'),
  })
}

const malformed = 'this is not a well-formed token'

/** Why a token is refused, in words for its holder. */
const meanings: Readonly<Record<AccessTokenErrorReason, readonly [words: string, hint?: string]>> = {
  missing: ['no token was given'],
  credential_malformed: [malformed],
  credential_in_url: [malformed],
  too_long: ['it is longer than any token'],
  malformed: [malformed, 'check that all of it was copied'],
  not_an_object: [malformed, 'check that all of it was copied'],
  duplicate_member: ['it holds a member twice'],
  header_parameter: ['its header holds a parameter that tokens of this service never have'],
  type: ['it is not an access token (typ is not at+jwt)'],
  algorithm: ['its signature algorithm is not accepted'],
  kid: ['it does not name a signing key'],
  unknown_key: [
    'the issuer has no such signing key',
    'check that it comes from this service; its key may be retired or revoked',
  ],
  signature: ['the signature is wrong: the token was changed, or somebody else made it'],
  issuer: ['another service issued it', '`mintage verify --issuer <iss>` with the iss of the token'],
  audience: ['it is for another audience', '`mintage verify --audience <aud>` with the aud of the token'],
  environment: ['it comes from a key of the other environment'],
  claim_missing_or_malformed: ['a claim is missing or malformed'],
  expired: ['it has expired', '`mintage token` gets a new one'],
  not_yet_valid: ['it is not valid yet', 'compare the clocks of this machine and the service: mintage doctor'],
  lifetime_too_long: ['it is valid for longer than a token may be'],
  revoked: ['it was revoked', '`mintage revocations list` shows the rule'],
  scope: ['it does not have the scope'],
  keys_unavailable: ['the signing keys of the issuer cannot be fetched'],
  revocations_unavailable: ['the revocation list of the issuer cannot be fetched, or is too old'],
}
