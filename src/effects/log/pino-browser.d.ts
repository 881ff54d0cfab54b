/** Types for the small build of pino that it brings for browsers, for trace.ts. */
declare module 'pino/browser.js' {
  export { pino } from 'pino'
}
