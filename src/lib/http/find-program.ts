import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';

const isWindows = process.platform === 'win32';

/** Why a program could not be started with these variables, in words; null where it could. It is not started. */
export async function whyNotRun(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const isPath = program.includes('/') || (isWindows && program.includes('\\'));
  const folders = isPath ? [''] : (env.PATH ?? env.Path ?? '').split(path.delimiter);
  const endings = isWindows ? ['', ...(env.PATHEXT ?? '.EXE').split(';')] : [''];
  let isThere = false;
  for (const folder of folders) {
    for (const ending of endings) {
      const file = path.resolve(folder, `${program}${ending}`);
      const found = await stat(file).catch(() => null);
      if (!found?.isFile()) continue;
      isThere = true;
      const mayRun = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (mayRun) return null;
    }
  }
  if (isThere) return 'it may not be run: it lacks the permission to execute (chmod +x)';
  return isPath ? 'there is no such program' : 'there is no such program in the folders of PATH';
}
