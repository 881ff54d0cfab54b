/** Words as a POSIX shell reads them, for all that writes a command line. */

/** A word for the shell that is exactly this text. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
