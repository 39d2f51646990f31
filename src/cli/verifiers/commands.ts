import type { Command } from 'commander'
import type { VerifierView } from '../../verifiers/view.ts'
import { type Cli, noun } from '../runtime/command.ts'
import { listVerb } from '../runtime/list.ts'
import { shortTime } from '../runtime/output.ts'

export function addVerifiersCommand(program: Command, cli: Cli): void {
  const verifiers = noun(program, 'verifiers', 'list who fetches the key set', 'mintage verifiers list')

  listVerb<VerifierView>(verifiers, cli, {
    path: '/v1/verifiers',
    what: 'verifiers',
    example: 'mintage verifiers list --limit 20',
    columns: [
      { title: 'name', value: ({ name }) => name },
      { title: 'API key', value: ({ clientId }) => clientId },
      { title: 'state', value: ({ state }) => state },
      { title: 'keys', value: ({ kids }) => kids.length },
      { title: 'last fetched', value: ({ lastFetchedAt }) => shortTime(lastFetchedAt) },
      { title: 'from', value: ({ address }) => address },
    ],
  })
}
