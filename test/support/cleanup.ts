const releases: (() => Promise<unknown>)[] = []

/** Lets go of something when the test file ends, the last taken first. Files share their modules, so no module has hooks of its own. */
export function releaseAfterFile(release: () => Promise<unknown>): void {
  releases.push(release)
}

export async function releaseAll(): Promise<void> {
  for (const release of releases.splice(0).reverse()) await release()
}
