/**
 * The one canonical text of a JSON value (RFC 8785, JCS): members sorted by UTF-16 code units, no spaces, numbers and
 * strings as ECMAScript writes them. Takes what `JSON.parse` returns; leaves out undefined members.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
}
