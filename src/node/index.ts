/** `mintage/node`: what the service needs on Node.js beside the root export. docs/mounting.md shows how the two go together. */
export { migrate } from '../db/migrate.ts'
export { processLog } from '../observability/log.node.ts'
export { type NodePlatform, nodePlatform } from './platform.ts'
export { type RunningServices, type StartOptions, startServices } from './start-services.ts'
