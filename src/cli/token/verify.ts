import { type Command, Option } from 'commander'
import type { AccessToken, AccessTokenError, AccessTokenErrorReason } from '../../kit/verify.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { busy } from '../runtime/consent.ts'
import { findUrl } from '../runtime/credentials.ts'
import { CliError, NotVerifiedError, UsageError } from '../runtime/failure.ts'
import { jsonFields, readToken } from './decode.ts'

type VerifyOptions = { issuer?: string; audience?: string; environment: 'live' | 'test'; json?: boolean }

/** `mintage verify`: what an application with the kit would say about a token. Exit code 0 = good, 3 = not, 1 = nobody can say. */
export function addVerifyCommand(program: Command, cli: Cli): void {
  verb(
    program,
    'verify',
    'verify the access token on standard input, as an application does',
    'mintage token | mintage verify',
  )
    .option('--issuer <url>', 'whose tokens are good (default: the service here)')
    .option('--audience <audience>', 'who must be meant (default: <issuer>/api)')
    .addOption(new Option('--environment <environment>', 'of which keys').choices(['live', 'test']).default('live'))
    .addHelpText('after', '\nExit code 0: it is good; 3: it is not; 1: nobody can say.')
    .action(async (options: VerifyOptions) => {
      const { issuer = findUrl(cli), environment } = options
      const token = await readToken(cli, 'mintage verify')
      const { audience = `${issuer}/api` } = options
      const verified = await busy(cli, options, `verifying by ${issuer}`, () =>
        verify(token, { issuer, audience, environment }),
      )
      print(cli, options, { verified: true, issuer, audience, environment, claims: verified.claims }, () =>
        jsonFields(verified.claims),
      )
      if (!options.json)
        cli.output.warn(`verified: issued by ${issuer} for ${audience}, ${environment}, and not revoked`)
    })
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
    return new CliError(`nobody can say: ${words}`, { code: reason, hint: hint ?? `is ${issuer} up? mintage doctor` })
  const other = environment === 'live' ? 'test' : 'live'
  return new NotVerifiedError(`not verified: ${words}`, {
    code: reason,
    hint:
      reason === 'environment'
        ? `mintage verify --environment ${other}`
        : (hint ?? 'mintage token --decode shows what it says'),
  })
}

const spelling = 'it is spelled as no token is'

/** Why a token is refused, for whoever holds it and asks about it. */
const meanings: Readonly<Record<AccessTokenErrorReason, readonly [words: string, hint?: string]>> = {
  missing: ['there is none'],
  credential_malformed: [spelling],
  credential_in_url: [spelling],
  too_long: ['it is longer than any token'],
  malformed: [spelling, 'was all of it copied?'],
  not_an_object: [spelling, 'was all of it copied?'],
  duplicate_member: ['a name stands in it twice'],
  header_parameter: ['its header holds what no token of this service has'],
  type: ['it is no access token (typ is not at+jwt)'],
  algorithm: ['it is signed by an algorithm that is not taken'],
  kid: ['it names no signing key'],
  unknown_key: [
    'the issuer has no such signing key',
    'it comes from another service, or its key is retired or revoked',
  ],
  signature: ['the signature is wrong: it was changed, or somebody else made it'],
  issuer: ['another service issued it', 'mintage verify --issuer <iss of the token>'],
  audience: ['it is meant for somebody else', 'mintage verify --audience <aud of the token>'],
  environment: ['it was made by a key of the other environment'],
  claim_missing_or_malformed: ['a claim is missing or malformed'],
  expired: ['it has expired', 'mintage token gets a new one'],
  not_yet_valid: ['it is not valid yet', 'compare the clock of this machine with that of the service: mintage doctor'],
  lifetime_too_long: ['it claims to live longer than a token may'],
  revoked: ['it was revoked', 'mintage revocations list shows by what'],
  scope: ['it does not hold the scope'],
  keys_unavailable: ['the signing keys of the issuer cannot be fetched'],
  revocations_unavailable: ['the revocation list of the issuer cannot be fetched, or is too old'],
}
