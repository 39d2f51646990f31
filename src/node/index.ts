/**
 * `mintage/node`: what the service needs on Node.js in addition to the root export. docs/mounting.md shows how to use
 * both.
 */
export { migrate } from '../db/migrate.ts'
export { processLog } from '../observability/log.node.ts'
export { type NodePlatform, nodePlatform } from './platform.ts'
export { type RunningServices, type StartOptions, startServices } from './start-services.ts'
