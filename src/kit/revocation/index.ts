/** `mintage/revocation`: the revocation lists for a verifier. docs/revocation.md compares them. */

export { type FeedRevocationListOptions, feedRevocationList } from './feed.ts'
export {
  type MemoryRevocationList,
  type MemoryRevocationListOptions,
  type MemoryRevocationRule,
  memoryRevocationList,
} from './memory.ts'
export { type PostgresRevocationListOptions, postgresRevocationList } from './postgres.ts'
export {
  type RevocableToken,
  type RevocationKind,
  type RevocationList,
  type RevocationListState,
  RevocationListUnavailable,
  type RevocationRule,
} from './revocation-list.ts'
