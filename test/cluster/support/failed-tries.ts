/** Shows why a try of a test failed at once, for whoever reads CI: when the next try passes, vitest tells only that there was one. */
import { afterEach } from 'vitest'

afterEach(({ task }) => {
  // The errors stay through the tries that follow.
  if (task.result?.state !== 'fail') return
  for (const { message, stack } of task.result.errors ?? []) {
    process.stderr.write(`\n!!! A try of '${task.name}' failed: ${message}\n${stack ?? ''}\n`)
  }
})
