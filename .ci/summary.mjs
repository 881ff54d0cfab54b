// Adds up what .ci/run has collected: <name>.suite and <name>.check hold exit codes, <name>.json what a suite counted, <name>.out what
// it printed. Prints what failed, every part, and last of all the line that counts them together; exits non-zero when anything failed.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'

const directory = process.argv[2]
/** Of what a suite printed. */
const ERROR_LINES = 60
/** Of what is said of one failure. */
const MESSAGE_LINES = 12

/** A suite's own count; undefined when it crashed before it wrote one. */
function reportOf(name) {
  try {
    return JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'))
  } catch {
    return undefined
  }
}

/** A file that could not be loaded has failed without a test of its own. */
const isBroken = ({ status, assertionResults }) =>
  status === 'failed' && !assertionResults.some((test) => test.status === 'failed')

function countSuite(name, exitCode) {
  const report = reportOf(name)
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const failed = report.numFailedTests + report.testResults.filter(isBroken).length
  return {
    passed: report.numPassedTests,
    // Whatever failed outside its tests must not look green.
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests
  }
}

const countCheck = (exitCode) => ({ passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 })

/** Of a suite that failed, what failed and why: the end of a long output is all that some people see. */
function tellFailures(name) {
  const files = reportOf(name)?.testResults ?? []
  const tests = files.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'failed'))
  const failures = [
    ...files.filter(isBroken).map(({ name: file, message }) => [file, message]),
    ...tests.map(({ fullName, failureMessages }) => [fullName, failureMessages.join('\n')])
  ]
  for (const [what, why] of failures) {
    console.log(`\nFAILED in ${name}: ${what}\n${why.split('\n').slice(0, MESSAGE_LINES).join('\n')}`)
  }
  if (failures.length > 0) return
  // What failed outside of every test is in no report.
  const lines = readFileSync(join(directory, `${name}.out`), 'utf8').split('\n')
  const from = lines.findIndex((line) => line.includes('Unhandled'))
  const told = from < 0 ? lines.slice(-ERROR_LINES) : lines.slice(from, from + ERROR_LINES)
  console.log(`\nFAILED in ${name}, outside of its tests:\n${told.join('\n')}`)
}

const total = { passed: 0, failed: 0, skipped: 0 }
for (const file of readdirSync(directory).sort()) {
  const kind = extname(file)
  if (kind !== '.suite' && kind !== '.check') continue
  const name = basename(file, kind)
  const exitCode = Number(readFileSync(join(directory, file), 'utf8'))
  if (kind === '.suite' && exitCode !== 0) tellFailures(name)
  const counts = kind === '.suite' ? countSuite(name, exitCode) : countCheck(exitCode)
  for (const key of Object.keys(total)) total[key] += counts[key]
  console.log(`${name} ended with ${exitCode}: passed ${counts.passed}, failed ${counts.failed}, skipped ${counts.skipped}`)
}
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
