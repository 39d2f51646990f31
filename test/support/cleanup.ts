const releases: (() => Promise<unknown>)[] = []

/**
 * Calls `release` when the test file ends, in reverse order. Modules cannot register hooks themselves: files share
 * them.
 */
export function releaseAfterFile(release: () => Promise<unknown>): void {
  releases.push(release)
}

export async function releaseAll(): Promise<void> {
  for (const release of releases.splice(0).reverse()) await release()
}
