import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createLog, redact } from '../../src/observability/log.ts'

const now = () => new Date('2026-11-02T10:00:00.000Z')

function logged(field: unknown): string {
  let written = ''
  const log = createLog({ threshold: 'info', now, write: (line) => (written = line) })
  log('info', 'event', { field })
  return written
}

describe('the log', () => {
  test('an event is one line of JSON with its time, level and name', () => {
    expect(JSON.parse(logged(7))).toEqual({ time: '2026-11-02T10:00:00.000Z', level: 'info', event: 'event', field: 7 })
  })

  test.each(['a\r\nb', '\u001b[31mred', '{"level":"error"}', '$\u007bjndi:ldap://x}', '\u2028'])(
    'hostile text %j stays inside its line',
    (text) => {
      const line = logged(text)
      expect(line.split(/\r|\n/)).toHaveLength(1)
      expect(JSON.parse(line).field).toBe(text)
    },
  )

  test('an API key is never printed, wherever it occurs', () => {
    const key = generateApiKey('live')
    for (const field of [
      key,
      `Bearer ${key}`,
      [key],
      { a: { b: key } },
      new Error(`refused ${key}`),
      new Error('x', { cause: new Error(key) }),
    ]) {
      expect(logged(field)).not.toContain(key.slice(8))
    }
  })

  test.each(['a1', 'acme', 'sixteenletters16'])('nor one with the custom prefix %s', (prefix) => {
    const key = generateApiKey('test', prefix)
    expect(redact(`refused ${key}, ${key.slice(0, 40)}`)).toBe('refused [redacted], [redacted]')
  })

  test('a token, a raw KEK and the password of a database URL are never printed', () => {
    expect(redact('t eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl t')).toBe('t [redacted] t')
    expect(redact('raw:AAAAAAAAAAAA')).toBe('raw:[redacted]')
    expect(redact('postgres://mintage:hunter2@db/mintage')).toBe('postgres://[redacted]@db/mintage')
  })

  test('an error shows where it was thrown', () => {
    expect(JSON.parse(logged(new Error('lost'))).field).toMatchObject({
      name: 'Error',
      message: 'lost',
      at: [expect.stringContaining('log.test.ts'), ...Array(5).fill(expect.any(String))],
    })
  })

  test('the parameters of a failed query are not printed', () => {
    expect(logged(new Error('Failed query: select 1\nparams: very,private'))).not.toContain('private')
  })

  test('a very long text is cut', () => {
    expect(logged('x'.repeat(100_000)).length).toBeLessThan(3000)
  })

  test('a line below the threshold is dropped, and the caller can ask beforehand', () => {
    const lines: string[] = []
    const log = createLog({ threshold: 'warn', now, write: (line) => void lines.push(line) })
    log('info', 'quiet')
    log('error', 'loud')
    expect(lines).toHaveLength(1)
    expect([log.enabled('info'), log.enabled('warn')]).toEqual([false, true])
  })
})
