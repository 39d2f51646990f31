/**
 * The tables whose names a TypeScript file writes into SQL by hand: in templates with the tag `sql`, after `from`,
 * `join`, `into` and the like in any other text, and in `identifier('…')`. The name of a schema constant in `${…}`
 * does not count.
 */
export function writtenTables(source: string, tables: Iterable<string>): string[] {
  const text = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
  const name = `"?(?<table>${[...tables].join('|')})\\b`
  const afterKeyword = new RegExp(
    `\\b(?:from|join|into|using|table|truncate|lock|only|update)\\s+(?:only\\s+)?(?:public\\.)?${name}(?!/)`,
    'gi',
  )
  const quoted = new RegExp(`\\bidentifier\\(\\s*['"\`]${name}`, 'g')
  const word = new RegExp(`(?<![\\w$-])${name}`, 'g')
  const templates = [...text.matchAll(/\bsql(?:<[^`()]*>)?`/g)].map(
    ({ index, 0: tag }) => readTemplate(text, index + tag.length).text,
  )
  const found = [
    ...text.matchAll(afterKeyword),
    ...text.matchAll(quoted),
    ...templates.flatMap((template) => [...template.matchAll(word)]),
  ]
  return [...new Set(found.map(({ groups }) => groups?.table?.toLowerCase() ?? ''))].sort()
}

/** What a template literal says around its interpolations. `start`: behind the opening backtick, `end`: the closing one. */
function readTemplate(source: string, start: number): { text: string; end: number } {
  let text = ''
  let at = start
  while (at < source.length && source[at] !== '`') {
    const opens = source.startsWith('${', at)
    text += opens ? '$' : source[at]
    if (opens) at = endOfInterpolation(source, at + 2)
    else at += source[at] === '\\' ? 2 : 1
  }
  return { text, end: at }
}

function endOfInterpolation(source: string, start: number): number {
  let depth = 1
  let at = start
  while (at < source.length && depth > 0) {
    if (source[at] === '`') at = readTemplate(source, at + 1).end
    if (source[at] === '{') depth += 1
    if (source[at] === '}') depth -= 1
    at += 1
  }
  return at
}
