import { afterAll } from 'vitest'
import { releaseAll } from './cleanup.ts'

// Runs for every test file, even if all its modules are already loaded.
afterAll(releaseAll)
