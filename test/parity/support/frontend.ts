/** Which cases name a frontend of their own: a daemon would fetch it from Docker Hub, and from here there is no way to that. */
import type { ParityCase } from '../case.ts'

const SYNTAX = /^\uFEFF?(?:#!.*\n)?(?:#[^\n]*=[^\n]*\n)*(?:#|\/\/)\s*syntax\s*=/i

export const isOfOtherFrontend = ({ dockerfile }: ParityCase): boolean => SYNTAX.test(dockerfile)
