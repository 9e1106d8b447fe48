/** Characters that no shell interprets; on Windows paths contain backslashes. */
const PLAIN = { posix: /^[\w@%+=:,./-]+$/, windows: /^[\w@+=:,./\\-]+$/ };

/** A text as one word of a shell; on Windows of both cmd and PowerShell, which only share double quotes. */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return PLAIN.windows.test(word) ? word : `"${word}"`;
  return PLAIN.posix.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
