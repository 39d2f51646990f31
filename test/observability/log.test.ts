import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createLog, type Log, redact } from '../../src/observability/log.ts'

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

describe('the log at a terminal', () => {
  function readable(...[level, event, fields]: Parameters<Log>): string {
    let written = ''
    const log = createLog({ threshold: 'info', now, form: 'readable', write: (line) => (written = line) })
    log(level, event, fields)
    return written
  }

  test('is one line an event that a person can read', () => {
    const fields = { route: '/token', status: 200, address: null, clientId: undefined, agent: 'curl 8' }
    expect(readable('info', 'request', fields)).toBe(
      '10:00:00.000 info  request route=/token status=200 agent="curl 8"',
    )
  })

  test('shows an error with its cause, and where both were thrown', () => {
    const lines = readable('error', 'failed', { error: new Error('lost', { cause: new Error('gone') }) }).split('\n')
    expect(lines[0]).toBe('10:00:00.000 error failed error="Error: lost"')
    expect(lines[1]).toMatch(/^ {4}at .*log\.test\.ts/)
    expect(lines).toContain('  caused by Error: gone')
  })

  test.each(['a\r\nb', '\u001b[31mred', '\u009b31mred', '\u202egnp.exe', '\u2028', 'x\n10:00:00.000 info  started'])(
    'hostile text %j cannot move the cursor or begin a line',
    (text) => {
      for (const line of [readable('info', 'x', { text }), readable('info', 'x', { text: { text } })])
        expect(line).toMatch(/^[\x20-\x7e\ufffd]+$/)
    },
  )

  test('an API key is never printed', () => {
    const key = generateApiKey('live')
    expect(readable('info', 'x', { field: key, error: new Error(`refused ${key}`) })).not.toContain(key.slice(8))
  })
})
