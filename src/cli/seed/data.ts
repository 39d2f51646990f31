/** Marks the demo's keys, so that the next run finds them. */
export const demoLabel = 'demo'

export type DemoKey = {
  readonly name: string
  readonly description?: string
  readonly environment?: 'live' | 'test'
  readonly scopes?: readonly string[]
  readonly audiences?: readonly string[]
  readonly roles?: readonly string[]
  readonly subject?: string
  readonly customClaims?: Readonly<Record<string, unknown>>
  readonly allowedCidrs?: readonly string[]
  readonly requestsPerMinute?: number
  readonly rotateEverySeconds?: number
  readonly expiresInDays?: number
  /** What happens to it right after it was created. */
  readonly ends?: 'disable' | 'revoke'
}

type DemoOrganization = {
  readonly slug: string
  readonly name: string
  readonly plan: string
  readonly keys: readonly DemoKey[]
}

/** One key of each kind, within what the plans allow: 10 keys in pro, 2 in free. */
export const demoOrganizations: readonly DemoOrganization[] = [
  {
    slug: 'demo-acme',
    name: 'Acme',
    plan: 'pro',
    keys: [
      {
        name: 'orders',
        description: 'The order service',
        scopes: ['orders:read', 'orders:write'],
        requestsPerMinute: 60,
      },
      { name: 'orders tests', description: 'For its test suite', environment: 'test', scopes: ['orders:*'] },
      {
        name: 'billing',
        scopes: ['invoices:read'],
        audiences: ['https://billing.example'],
        subject: 'billing-service',
      },
      { name: 'warehouse', scopes: ['stock:read'], customClaims: { region: 'eu', site: 7 } },
      {
        name: 'office',
        description: 'Works from the office only',
        scopes: ['reports:read'],
        allowedCidrs: ['192.0.2.0/24', '2001:db8::/32'],
      },
      {
        name: 'deployment',
        description: 'Expires after a month',
        scopes: ['deploy'],
        roles: ['ci_service'],
        expiresInDays: 30,
      },
      {
        name: 'nightly export',
        description: 'Due for rotation each quarter',
        scopes: ['export'],
        rotateEverySeconds: 90 * 86_400,
      },
      { name: 'administrator', description: 'Manages the organization', roles: ['admin'] },
      { name: 'paused', description: 'Disabled', scopes: ['orders:read'], ends: 'disable' },
      { name: 'leaked', description: 'Revoked', scopes: ['orders:read'], ends: 'revoke' },
    ],
  },
  {
    slug: 'demo-globex',
    name: 'Globex',
    plan: 'free',
    keys: [
      { name: 'website', scopes: ['catalogue:read'] },
      { name: 'website tests', environment: 'test', scopes: ['catalogue:read'] },
    ],
  },
]
