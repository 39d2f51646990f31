import { afterAll } from 'vitest'
import { releaseAll } from './cleanup.ts'

// Runs for every test file, whatever modules it finds loaded.
afterAll(releaseAll, 60_000)
