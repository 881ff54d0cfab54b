/** Removes directories in which programs that are ending may still write, for what comes after tests. */
import { rm } from 'node:fs/promises'

/** Each waits longer than the one before: three seconds together. */
const TRIES = { maxRetries: 7, retryDelay: 100 }

export const removeDirectory = (path: string): Promise<void> => rm(path, { recursive: true, force: true, ...TRIES })
