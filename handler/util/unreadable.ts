/** Says why a file that the user named cannot be read. */

/** What the usual codes mean. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'the program may not read it',
  EISDIR: 'it is a folder',
}

/** @param error of `node:fs` */
export function whyUnreadable({ code = '', message }: NodeJS.ErrnoException): string {
  return REASONS[code] ?? message
}
