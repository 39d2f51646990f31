import { allowsStandby, postgresHosts } from '../kit/postgres-hosts.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'

/** The hosts of a connection string, one in use. */
export type Hosts = {
  readonly count: number
  /** Connection string of the host in use. */
  current(): string
  /** The host gave no usable connection: the next one is in use, unless another call has already moved on. */
  failed(url: string): void
}

/** @throws TypeError, without the URL in its text. */
export function createHosts(url: string): Hosts {
  const urls = postgresHosts(url)
  if (!urls || allowsStandby(url))
    throw new TypeError('the URL of the database must be a postgres:// URL of its primary')
  let used = 0
  const current = () => urls[used] ?? urls[0]
  return {
    count: urls.length,
    current,
    failed(failed) {
      if (failed === current()) used = (used + 1) % urls.length
    },
  }
}

/** On the host in use. If it gives no usable connection, the next call uses the next host. */
export function openOn(hosts: Hosts, options: Omit<ConnectionOptions, 'url' | 'onUseless'>): Connection {
  const url = hosts.current()
  return openConnection({ ...options, url, onUseless: () => hosts.failed(url) })
}
