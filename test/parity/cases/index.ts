/** All cases of the suite. */
import type { ParityCase } from '../case.ts'
import { actions } from './actions.ts'
import { add } from './add.ts'
import { commands, metadata, onbuild, shell, volume } from './config.ts'
import { copy } from './copy.ts'
import { environment } from './environment.ts'
import { heredoc } from './heredoc.ts'
import { dockerignore, language } from './language.ts'
import { user, workdir } from './places.ts'
import { run } from './run.ts'
import { stages } from './stages.ts'

export const CASES: readonly ParityCase[] = [
  ...[stages, run, heredoc, copy, add, environment, commands, metadata, shell],
  ...[user, workdir, volume, onbuild, language, dockerignore, actions]
].flat()
