/** A tic and what to write instead. CONTRIBUTING.md has the whole card; these words came back most often. */
const tics: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bwhoever\b/i, 'name the person: "anyone who", "the caller"'],
  [/(?<!\bthere )\b(is|are|was|were) no (?!longer\b|more\b|later\b|earlier\b|older\b|good\b)[a-z]+/i, '"is not a"'],
  [/(?<!\bthere )\b(is|are) none\b/i, '"is not one"'],
  [/\bof ours\b/i, '"our …"'],
  [/\bwhat there is\b/i, 'name the thing'],
  [/\bthere is no such\b/i, '"not found"'],
  [/\banew\b/i, '"again" or "replace"'],
  [/\bnobody can (say|tell)\b/i, '"cannot verify", "is not known"'],
  [/\btells? of\b/i, '"shows", "records", "describes"'],
  [/\ban own\b/i, '"a custom"'],
  [/(?<!about:|_)\bblanks?\b/i, '"space"'],
  [/(?<!-)\bformer\b/i, '"previous"'],
  [/\bstands? in for\b/i, '"replaces"'],
  [/\bmust not stand\b/i, '"must not be"'],
  [/\b(is|be|are) to be had\b|\bnot to be had\b/i, '"is available"'],
  [/\bstands (in|on|at|beside|before|behind|there|under)\b/i, '"is in"'],
  [/\bthereby\b|\bas it were\b|\bbe it\b/i, 'leave it out'],
  [/\bnone of (ours|yours)\b/i, '"not ours"'],
]

/** One line for each tic in the text: where it is, and what to write instead. */
export function findTics(text: string, name: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    tics.flatMap(([pattern, instead]) => {
      const [found] = pattern.exec(line) ?? []
      return found === undefined ? [] : [`${name}:${index + 1}: "${found}"; write ${instead}`]
    }),
  )
}

/** Markdown without its code, which quotes commands and answers. Lines keep their numbers. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^ *```[\s\S]*?^ *```/gm, (block) => block.replace(/[^\n]/g, '')).replace(/`[^`\n]*`/g, '`…`')
}

/** Sentences with more words than a reader can hold. Skips tables and code. */
export function longSentences(markdown: string, mostWords: number): string[] {
  return proseOf(markdown)
    .split(/\n\s*\n|^#+ .*$|^\s*[-*|].*\n(?=\s*[-*|])|^\|.*$/m)
    .flatMap((paragraph) => paragraph.replace(/\s+/g, ' ').split(/(?<=[.:;?!)]) /))
    .filter((sentence) => sentence.split(' ').length > mostWords)
}

/** Only the comments of a TypeScript source. Lines keep their numbers. */
export function commentsOf(source: string): string {
  const kept = new Set<number>()
  const lines = source.split('\n')
  let inBlock = false
  lines.forEach((line, index) => {
    if (/^\s*\/\*/.test(line)) inBlock = true
    if (inBlock || /(^|\s)\/\/ /.test(line)) kept.add(index)
    if (/\*\//.test(line)) inBlock = false
  })
  return lines
    .map((line, index) =>
      kept.has(index) ? line.replace(/^.*?(\/\/ |\/\*\*? |\* )/, '').replace(/`[^`]*`/g, '`…`') : '',
    )
    .join('\n')
}

/** Names of tests and of groups of tests. */
export function testNamesOf(source: string): string {
  return source
    .split('\n')
    .map((line) => /\b(?:test|describe)\b[^'"`]*(['"`])(.*)\1/.exec(line)?.[2] ?? '')
    .join('\n')
}

/** String literals of a TypeScript source that have more than one word. Lines keep their numbers. */
export function textsOf(source: string): string {
  return source
    .split('\n')
    .map((line) =>
      /^\s*(\*|\/\/|\/\*)/.test(line)
        ? ''
        : (line.match(/(['"`])(?:\\.|(?!\1).)* (?:\\.|(?!\1).)*\1/g) ?? []).join(' '),
    )
    .join('\n')
}
