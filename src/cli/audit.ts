import type { Command } from 'commander'
import type { AuditEventView } from '../audit/operations.ts'
import { type Cli, listVerb, noun } from './command.ts'
import { shortInstant } from './output.ts'

export function auditCommand(cli: Cli): Command {
  const audit = noun('audit', 'read the audit trail', 'mintage audit list')

  listVerb<AuditEventView>(audit, cli, {
    path: '/v1/audit-events',
    what: 'audit events',
    example: 'mintage audit list --limit 20',
    columns: [
      { title: 'at', value: ({ occurredAt }) => shortInstant(occurredAt) },
      { title: 'type', value: ({ type }) => type },
      { title: 'result', value: ({ result }) => result },
      { title: 'actor', value: ({ actor }) => actor },
      { title: 'subject', value: ({ subject }) => subject },
      { title: 'reason', value: ({ reason }) => reason },
      { title: 'address', value: ({ address }) => address },
    ],
  })

  return audit
}
