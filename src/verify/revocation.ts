/** `mintage/revocation`: the lists that an application can give its verifier. REVOCATION's table of readers is in docs/revocation.md. */
export {
  type MemoryRevocationList,
  type MemoryRevocationListOptions,
  type MemoryRevocationRule,
  memoryRevocationList,
} from '../revocation/memory.ts'
export { type PostgresRevocationListOptions, postgresRevocationList } from '../revocation/postgres.ts'
export {
  type RevocableToken,
  type RevocationKind,
  type RevocationList,
  type RevocationListState,
  RevocationListUnavailable,
  type RevocationRule,
} from '../revocation/revocation-list.ts'
export { type FeedRevocationListOptions, feedRevocationList } from './feed.ts'
