import type { CredentialReplacement } from '../../node/first-start.ts'
import type { Cli } from './command.ts'
import { locate } from './surroundings.ts'

/**
 * Puts a new secret into the files of the first start in this folder, if they hold the previous one. After a rotation
 * was taken back, puts the previous one there again. Otherwise commands without MINTAGE_API_KEY would continue with a
 * secret that ends. Returns what to tell the person; undefined = the files are missing, or hold other keys.
 */
export async function keepSecret(
  cli: Pick<Cli, 'env' | 'folder'>,
  replacement: CredentialReplacement,
): Promise<string | undefined> {
  const dataDir = cli.env.MINTAGE_DATA_DIR || '.mintage'
  const { replaceCredential } = await import('../../node/first-start.ts')
  try {
    const replaced = await replaceCredential(locate(cli, dataDir), replacement)
    const [here, again] = 'cancelled' in replacement ? ['previous', ' again'] : ['new', '']
    return replaced
      ? `the ${here} secret is in ${dataDir}/credentials.json${again}, which commands in this folder use`
      : undefined
  } catch {
    const [held, right] = 'cancelled' in replacement ? ['ended', 'previous'] : ['previous', 'new']
    return `${dataDir}/credentials.json could not be changed and holds the ${held} secret: put the ${right} one there`
  }
}
