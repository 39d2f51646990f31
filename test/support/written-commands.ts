import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/**
 * A command that somebody may type after reading it. `mention`: inline code, which may be the name of a command only.
 */
export type WrittenCommand = { readonly at: string; readonly words: readonly string[]; readonly mention: boolean }

/** Every `mintage …` of README and docs: lines of console blocks, hints in their output, and inline code. */
export function commandsOfDocs(): WrittenCommand[] {
  const pages = ['README.md', 'SECURITY.md', ...listFiles('docs', '.md')]
  return pages.flatMap((page) => {
    let inBlock = false
    const lines = joinContinuations(read(page)).split('\n')
    return lines.flatMap((line, index) => {
      if (line.trimStart().startsWith('```')) inBlock = !inBlock
      const texts = inBlock ? [blockCommand(line)] : inlineCode(line)
      return texts.flatMap((text) => commandsIn(text, `${page}:${index + 1}`, !inBlock))
    })
  })
}

/** Every `mintage …` in the texts of the CLI, and in backticks in the texts of every other source. */
export function commandsOfSources(): WrittenCommand[] {
  return listFiles('src', '.ts').flatMap((file) => {
    const lines = literalsOf(withoutComments(read(file))).flatMap((text) => text.split('\n'))
    return lines.flatMap((line) => [
      ...inlineCode(line).flatMap((code) => commandsIn(code, file, true)),
      ...(file.startsWith('src/cli/') ? commandsIn(fromCommandOn(line.replace(/`[^`]*`/g, '')), file, false) : []),
    ])
  })
}

const fromCommandOn = (line: string) => line.replace(/^.*?(?=(?<![\w-])mintage )/, '')

/** A line of a block as somebody types it: after the prompt, or after `hint:` in the output. */
function blockCommand(line: string): string {
  const [, typed] =
    /^\s*(?:\$ )?((?:[A-Z_]+=\S+ |npx |npm run -s )*mintage .*)$/.exec(line.replace(' -- ', ' -- ')) ?? []
  return typed ?? /\$\((mintage [^)]*)\)/.exec(line)?.[1] ?? /(?:^hint: .*|: )(mintage .*)$/.exec(line)?.[1] ?? ''
}

const inlineCode = (text: string): string[] =>
  [...text.matchAll(/`([^`]*\bmintage [^`]*)`/g)].map(([, code]) => code ?? '')

/** The commands of one line: between pipes, in a substitution, and after a semicolon. */
function commandsIn(text: string, at: string, mention: boolean): WrittenCommand[] {
  const plain = text.replace(/\$\((mintage [^)]*)\)/g, '; $1').replace(/ +# .*$/, '')
  return plain.split(/ \| |; |<\(/).flatMap((part) => {
    const [, typed] = /(?:^|[ :])mintage (?:-- )?((?:--)?[a-z][^;]*)$/.exec(part.trim().replace(/\)$/, '')) ?? []
    if (typed === undefined) return []
    const words = shellWords(typed.replace(/ [<>] \S+$/, '').replace(/[.,:]$/, ''))
    return [{ at, words, mention }]
  })
}

function shellWords(text: string): string[] {
  return [...text.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  )
}

function literalsOf(source: string): string[] {
  const literals = source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)
  return [...literals]
    .map(([, single, double, template]) => single ?? double ?? template ?? '')
    .map((text) =>
      text
        .replace(/\$\{[^}]*\}/g, '…')
        .replace(/\\n/g, '\n')
        .replace(/\\(.)/g, '$1'),
    )
    .filter((text) => text.includes('mintage '))
}

const withoutComments = (source: string) => source.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/ .*$/gm, '')
const joinContinuations = (text: string) => text.replace(/ \\\n\s*/g, ' ')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

function listFiles(folder: string, end: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith(end))
    .map((name) => relative(root, join(root, folder, name)))
    .sort()
}
