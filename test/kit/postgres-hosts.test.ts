import { describe, expect, test } from 'vitest'
import { allowsStandby, postgresHosts } from '../../src/kit/postgres-hosts.ts'

describe('the URL of a PostgreSQL database', () => {
  test.each([
    ['postgres://u:p%40ss@db/mintage?sslmode=require', ['postgres://u:p%40ss@db/mintage?sslmode=require']],
    ['postgresql://a:1,b:2/m', ['postgresql://a:1/m', 'postgresql://b:2/m']],
    ['postgres://u:p@[::1]:5432,b/m', ['postgres://u:p@[::1]:5432/m', 'postgres://u:p@b/m']],
    [
      'postgres://u@a:1,b:2,c/m?sslmode=require&target_session_attrs=read-write',
      ['a:1', 'b:2', 'c'].map((host) => `postgres://u@${host}/m?sslmode=require`),
    ],
    ['postgres://u@a/m?target_session_attrs=primary', ['postgres://u@a/m']],
  ])('%s names these hosts', (text, hosts) => {
    expect(postgresHosts(text)).toEqual(hosts)
    expect(allowsStandby(text)).toBe(false)
  })

  test.each(['', 'mysql://a/m', 'postgres://a:1,b:x/m', 'postgres://a:99999/m', 'host=a dbname=m'])(
    'is refused as %s',
    (text) => {
      expect(postgresHosts(text)).toBeUndefined()
    },
  )

  test.each(['any', 'standby', 'prefer-standby', 'read-only', ''])('may not ask for %s', (wanted) => {
    expect(allowsStandby(`postgres://a,b/m?target_session_attrs=${wanted}`)).toBe(true)
  })
})
