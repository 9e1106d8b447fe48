/** What no shell reads as anything but itself; on Windows paths hold backslashes. */
const PLAIN = { posix: /^[\w@%+=:,./-]+$/, windows: /^[\w@+=:,./\\-]+$/ };

/** A text as one word of a shell: on Windows of cmd and PowerShell, which share double quotes and no other. */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return PLAIN.windows.test(word) ? word : `"${word}"`;
  return PLAIN.posix.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
