import type { RingTrial } from '../../signing-keys/trial.ts'
import { readinessText } from '../../signing-keys/verifier-readiness-view.ts'
import { fields } from '../runtime/output.ts'

/** What a dry run of a change to the key ring answers. */
export function ringTrialText(trial: RingTrial): string {
  const { signsNow, wouldSign, safeAt, early, revoked, tokensLiveUntil, verifiers } = trial
  return fields({
    'signs now': signsNow,
    'would sign': wouldSign ?? 'a new key',
    'safe from': safeAt,
    early: early ? 'yes: verifiers may refuse its tokens until they fetch the key set again' : 'no',
    revoked: revoked.length === 0 ? null : `${revoked.join(' ')}, with every token that it signed`,
    'tokens until': tokensLiveUntil,
    verifiers: verifiers && readinessText(verifiers, new Date()),
  })
}
