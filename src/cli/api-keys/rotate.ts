import { type Command, Option } from 'commander'
import type { CancellationImpact, CancelledRotation } from '../../api-keys/cancel-rotation.ts'
import type { RotatedApiKey, RotationImpact } from '../../api-keys/rotate.ts'
import { printableText } from '../../observability/printable-text.ts'
import { duration } from '../runtime/arguments.ts'
import type { Cli } from '../runtime/command.ts'
import { withConsent } from '../runtime/consent.ts'
import { type Ending, runEnding, withDryRun } from '../runtime/ending.ts'
import { impactText } from '../runtime/impact.ts'
import { member } from '../runtime/members.ts'
import { fields, shortTime } from '../runtime/output.ts'
import { tokenWarnings } from './view.ts'

/** How long the previous secret keeps working after a rotation. */
export const overlapOption = (): Option =>
  member('overlapSeconds', '--overlap <duration>', '0, 1h, 24h, … (default: as the plan says)', duration)

type Rotating = {
  /** Of the rotation; that of its cancellation is below it. */
  readonly path: (ids: readonly string[]) => string
  /** The command that takes the rotation back. */
  readonly wayBack?: (rotated: RotatedApiKey) => string
  /** After a cancellation; returns more warnings. */
  readonly cancelled?: () => Promise<readonly string[]>
  /** After a rotation; returns more warnings. */
  readonly rotated?: (rotated: RotatedApiKey) => Promise<readonly string[]>
}

/**
 * A verb that rotates, or with `--cancel` takes the last rotation back. A rotation asks only if a secret or a token that
 * works now would end early, which the service's dry run tells. A cancellation always asks.
 */
export function rotatingVerb(command: Command, cli: Cli, rotating: Rotating): Command {
  const settings = command.options.map((option) => option.attributeName()).filter((name) => name !== 'json')
  const cancel = new Option('--cancel', 'take the last rotation back, during its overlap').conflicts(settings)
  return withConsent(withDryRun(command.addOption(cancel))).action(() =>
    command.getOptionValue('cancel')
      ? runEnding(command, cli, cancellation(rotating))
      : runEnding(command, cli, rotation(command, rotating)),
  )
}

/** Asks only if a secret or a token that works now would end early, which the service's dry run tells. */
function rotation(command: Command, { path, wayBack, rotated }: Rotating): Ending<RotatedApiKey, RotationImpact> {
  return {
    doing: 'rotate the API key',
    questionAfterTrial: ({ apiKeys }) =>
      apiKeys === 0 ? undefined : 'Rotate? A secret or tokens that work now end early. --dry-run shows who uses them.',
    path,
    trialText: (trial) => `${previousText(trial)}\n\n${impactText(trial)}`,
    done: ({ answer }) => ({
      json: answer,
      text: fields({ id: answer.apiKey.id, version: answer.apiKey.version, secret: answer.secret }),
      warnings: [
        'the secret is not shown again: store it where your service reads it',
        previousText(answer),
        ...(wayBack && command.getOptionValue('overlap') !== 0
          ? [`take the rotation back until then: ${wayBack(answer)}`]
          : []),
        ...tokenWarnings(answer),
      ],
    }),
    ...(rotated && { afterwards: rotated }),
  }
}

function cancellation({ path, cancelled }: Rotating): Ending<CancelledRotation, CancellationImpact> {
  return {
    doing: 'cancel the rotation',
    questionAfterTrial({ cancelledVersion: version, endsCaller }) {
      const mine = endsCaller ? ' You use that secret now, so you need the previous one afterwards.' : ''
      return `Cancel the rotation? Version ${version} and its tokens stop working at once.${mine}`
    },
    path: (ids) => `${path(ids)}/cancel`,
    trialText: (trial) => `version ${trial.cancelledVersion} would end; ${newestText(trial)}\n\n${impactText(trial)}`,
    done: ({ answer }) => ({
      json: answer,
      text: `ended version ${answer.cancelledVersion} of ${printableText(answer.apiKey.id)} and its tokens; ${newestText(answer)}`,
    }),
    ...(cancelled && { afterwards: cancelled }),
  }
}

function previousText({ formerVersion }: Pick<RotatedApiKey, 'formerVersion'>): string {
  return `the previous one, version ${formerVersion.version}, works until ${shortTime(formerVersion.endsAt)}`
}

function newestText({ newestVersion: { version, endsAt } }: Pick<CancelledRotation, 'newestVersion'>): string {
  return `version ${version} is the newest again, and works ${endsAt === null ? 'as long as the key' : `until ${shortTime(endsAt)}`}`
}
