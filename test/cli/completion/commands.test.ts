import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { everyCommand, mintage } from '../../support/run-cli.ts'

const script = async (shell: string) => (await mintage(['completion', shell])).stdout

/** What bash offers for the words, while the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const asked = `COMP_WORDS=(${['mintage', ...words].map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _mintage; echo "\${COMPREPLY[@]}"`
  const text = `${await script('bash')}\n${asked}`
  return await new Promise((done, fail) => {
    execFile('bash', ['--norc', '-c', text], (error, stdout) => (error ? fail(error) : done(stdout.trim().split(' '))))
  })
}

describe('completion', () => {
  test('in bash offers commands, then verbs, then options, then the values of an option', async () => {
    expect(await offered('api')).toEqual(['api-keys'])
    expect(await offered('api-keys', 'cre')).toEqual(['create'])
    expect(await offered('api-keys', 'create', 'orders', '--sc')).toEqual(['--scope'])
    expect(await offered('api-keys', 'create', '--environment', '')).toEqual(['live', 'test'])
    expect(await offered('completion', '--h')).toEqual(['--help'])
  })

  test.each(['bash', 'zsh', 'fish'])('in %s knows every command', async (shell) => {
    const text = await script(shell)
    const paths = everyCommand().map(({ words }) => (words.length === 1 ? ` ${words[0]}` : words.join(' ')))
    expect(paths.filter((path) => path !== '' && !text.includes(`'${path}'`))).toEqual([])
  })

  test('for an unknown shell lists the supported ones', async () => {
    expect(await mintage(['completion', 'tcsh'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('bash, zsh, fish'),
    })
  })
})
