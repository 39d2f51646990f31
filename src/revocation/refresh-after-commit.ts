import type { Services } from '../services.ts'

/**
 * Makes this process see at once what it just committed. A failure is only logged: the change is committed, the list
 * polls again by itself, and it refuses to answer when it gets too old.
 */
export async function refreshAfterCommit({ revocations, log }: Pick<Services, 'revocations' | 'log'>): Promise<void> {
  try {
    await revocations.refresh()
  } catch (error) {
    log('warn', 'revocations.refresh_failed', { error })
  }
}
