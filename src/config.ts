/** The service's configuration, complete and checked. Names and defaults: docs/configuration.md. */
export type Config = {
  readonly issuer: string
  /** The default audience of access tokens; never the issuer. */
  readonly audience: string
  readonly tokenTtlSeconds: number
  readonly maxTokenTtlSeconds: number
  readonly jwksMaxAgeSeconds: number
  readonly clockToleranceSeconds: number
  readonly rotateEverySeconds: number
  readonly trustedProxyHops: number
  /** The first seals and opens, the others only open. As written in MINTAGE_KEK / MINTAGE_KEK_PREVIOUS; null = none configured. */
  readonly kek: string | null
  readonly previousKeks: readonly string[]
  readonly rootApiKey: string | null
}
