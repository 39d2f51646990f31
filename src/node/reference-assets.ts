import { readFile } from 'node:fs/promises'
import type { ReferenceAsset } from '../platform.ts'

/**
 * Reads a file of the reference page. Our files are in `http/docs`, both in `src` and in the build. Files of Swagger UI
 * come from the build's copy next to this file, or else from the package. Not cached here: browsers cache them.
 */
export async function readReferenceAsset(name: ReferenceAsset): Promise<string> {
  if (!name.startsWith('swagger-ui')) return await readFile(new URL(`../http/docs/${name}`, import.meta.url), 'utf8')
  try {
    return await readFile(new URL(`./swagger-ui/${name}`, import.meta.url), 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return await readFile(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)), 'utf8')
  }
}
