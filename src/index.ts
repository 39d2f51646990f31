/**
 * The server as a library. Build `Services` from a configuration, a database and a platform, and mount the app in any
 * Hono server. Applications that only verify tokens import `mintage/verify`, which loads nothing from here.
 */
export { createApp } from './app.ts'
export { type BootstrapResult, bootstrap } from './bootstrap.ts'
export { createServices, type ServicesOptions } from './compose.ts'
export { type Config, ConfigError, type DatabaseSettings, loadConfig, type Settings } from './config/settings.ts'
export { createKeyEncryption, type KeyEncryption } from './crypto/envelope.ts'
export type { Database, DatabaseStats, Db } from './db/database.ts'
export { openPostgres } from './db/postgres.ts'
export type { ServiceErrorCode } from './error-catalogue.ts'
export { ServiceError } from './errors.ts'
export type { ResolveServices } from './http/context.ts'
export { createLog, type Log, type LogLevel } from './observability/log.ts'
export { type Metrics, noMetrics } from './observability/metrics.ts'
export type { Platform } from './platform.ts'
export type { Services } from './services.ts'
