import type { Services } from '../services.ts'

/**
 * Makes this process see its commit immediately. A failure is only logged: the change is committed, the list polls
 * again anyway, and it refuses to answer if it gets too old.
 */
export async function refreshAfterCommit({ revocations, log }: Pick<Services, 'revocations' | 'log'>): Promise<void> {
  try {
    await revocations.refresh()
  } catch (error) {
    log('warn', 'revocations.refresh_failed', { error })
  }
}
