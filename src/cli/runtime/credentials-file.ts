import type { Cli } from './command.ts'
import { locate } from './surroundings.ts'

type Replacement = { readonly rootApiKey: string } | { readonly previous: string; readonly secret: string }

/**
 * Puts a new secret into the files of the first start in this folder, if they hold the previous one. Otherwise commands
 * without MINTAGE_API_KEY would continue with a secret that ends. Returns what to tell the person; undefined = the
 * files are missing, or hold other keys.
 */
export async function keepSecret(
  cli: Pick<Cli, 'env' | 'folder'>,
  replacement: Replacement,
): Promise<string | undefined> {
  const dataDir = cli.env.MINTAGE_DATA_DIR || '.mintage'
  const { replaceCredential } = await import('../../node/first-start.ts')
  try {
    const replaced = await replaceCredential(locate(cli, dataDir), replacement)
    return replaced ? `the new secret is in ${dataDir}/credentials.json, which commands in this folder use` : undefined
  } catch {
    return `${dataDir}/credentials.json could not be changed and holds the previous secret: put the new one there`
  }
}
