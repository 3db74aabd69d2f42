/** Says, so that nobody misses it, that tests do not run. With CI set nothing may be skipped: throws then. */
export function reportSkipped(message: string): void {
  if (process.env.CI) throw Object.assign(new Error(message), { stack: message }) // one line, no trace
  process.stderr.write(`\n${process.stderr.isTTY ? `\u001b[1;33m${message}\u001b[0m` : message}\n\n`)
}
