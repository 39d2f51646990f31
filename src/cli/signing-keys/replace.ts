import type { Command } from 'commander'
import type { Replacement } from '../../signing-keys/replace.ts'
import type { RingTrial } from '../../signing-keys/trial.ts'
import { type Cli, verb } from '../runtime/command.ts'
import { endingVerb, withDryRun } from '../runtime/ending.ts'
import { UsageError } from '../runtime/failure.ts'
import { member } from '../runtime/members.ts'
import { fields } from '../runtime/output.ts'
import { withHistoryReason, withPurposeAndAlgorithm } from './options.ts'
import { signingKeysPath } from './path.ts'
import { ringTrialText } from './trial.ts'

export function addReplaceVerb(signingKeys: Command, cli: Cli): void {
  const example = 'mintage signing-keys replace --compromised'
  const replace = withPurposeAndAlgorithm(verb(signingKeys, 'replace', 'replace a leaked key at once', example))
    .addOption(member('compromised', '--compromised', 'required: refuse every token under the leaked key, for good'))
    .addOption(
      member('kid', '--kid <kid>', 'the leaked key (default: the active one); --kid=<kid> if it begins with -'),
    )
    .addOption(
      member(
        'distrustPending',
        '--distrust-pending',
        'the published next key may have leaked too: sign with a fresh one, which verifiers have to fetch first',
      ),
    )
  endingVerb<Replacement, RingTrial>(withDryRun(withHistoryReason(replace)), cli, {
    doing: 'replace the signing key',
    question: () => 'Replace the leaked key? Every token that it signed is refused for good. --dry-run shows which.',
    path: () => {
      if (replace.opts().compromised) return `${signingKeysPath}/replace`
      throw new UsageError('replace is for a leaked key: it revokes every token that the key signed', {
        hint: 'if it leaked: mintage signing-keys replace --compromised; if not: mintage signing-keys rotate',
      })
    },
    trialText: ringTrialText,
    done: ({ answer }) => ({
      json: answer,
      text: replacementFields(answer),
      warnings: ['the thief may have more than this key: read docs/runbooks/leaked-signing-key.md'],
    }),
  })
}

function replacementFields({ active, next, revoked }: Replacement): string {
  return fields({
    revoked: revoked.map((key) => key.kid),
    'signs now': active?.kid ?? null,
    next: next && `${next.kid} from ${next.activatesAt ?? next.safeAt}`,
  })
}
