import type { Services } from '../services.ts'

/**
 * Makes this process know at once what it just committed. A failure takes nothing back, so it is no answer to the
 * caller: the list reads again by itself, and refuses to answer when it gets too old.
 */
export async function refreshAfterCommit({ revocations, log }: Pick<Services, 'revocations' | 'log'>): Promise<void> {
  try {
    await revocations.refresh()
  } catch (error) {
    log('warn', 'revocations.refresh_failed', { error })
  }
}
