const form = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*)([/?#].*)?$/
const attributes = 'target_session_attrs'

/**
 * One URL for each host of `postgres://user:password@first:5432,second:5432/database`, without `target_session_attrs`.
 * Undefined if the text does not have this form. Does not check whether a host is there.
 */
export function postgresHosts(text: string): readonly [string, ...string[]] | undefined {
  const [, start = '', hosts = '', rest = ''] = form.exec(text) ?? []
  if (start === '') return undefined
  const urls = hosts.split(',').map((host) => `${start}${host}${rest}`)
  if (!urls.every((url) => URL.canParse(url))) return undefined
  const [first = '', ...others] = urls.map(withoutAttributes)
  return [first, ...others]
}

/** Whether the URL has a `target_session_attrs` that a standby meets. Everything that reads it needs the primary. */
export function allowsStandby(text: string): boolean {
  const [first] = postgresHosts(text) ?? []
  const wanted = first === undefined ? null : new URLSearchParams(/\?([^#]*)/.exec(text)?.[1]).get(attributes)
  return wanted !== null && wanted !== 'read-write' && wanted !== 'primary'
}

function withoutAttributes(text: string): string {
  const url = new URL(text)
  if (!url.searchParams.has(attributes)) return text
  url.searchParams.delete(attributes)
  return url.href
}
