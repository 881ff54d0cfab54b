/** All cases of the suite. */
import type { ParityCase } from '../case.ts'
import { actions } from './actions.ts'
import { add } from './add.ts'
import { archives, excludes, ignores } from './add-more.ts'
import { commands, metadata, onbuild, shell, volume } from './config.ts'
import { copy } from './copy.ts'
import { lines, settings, shells, starts, words } from './corners.ts'
import { environment } from './environment.ts'
import { heredoc } from './heredoc.ts'
import { dockerignore, language } from './language.ts'
import { link, onto } from './onto.ts'
import { user, workdir } from './places.ts'
import { directories, heredocs, triggers, users, volumes } from './places-more.ts'
import { run } from './run.ts'
import { stages } from './stages.ts'
import { chains, mounts, unseen } from './stages-more.ts'

export const CASES: readonly ParityCase[] = [
  ...[stages, run, heredoc, copy, add, environment, commands, metadata, shell],
  ...[user, workdir, volume, onbuild, language, dockerignore, actions],
  ...[onto, link, chains, mounts, lines, words, settings, starts, shells, users, directories, volumes, triggers],
  ...[unseen, heredocs, archives, excludes, ignores]
].flat()
