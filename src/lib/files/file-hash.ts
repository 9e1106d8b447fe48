import { createHash } from 'node:crypto';
import { fileFailure } from './file-failure.ts';
import { openRegularFile } from './regular-file.ts';

/** SHA-256 of a regular file, in hex, read piece by piece. */
export async function sha256OfFile(path: string): Promise<string> {
  const handle = await openRegularFile(path).catch((error: unknown) => {
    throw fileFailure(`read ${JSON.stringify(path)}`, error);
  });
  const hash = createHash('sha256');
  // The stream closes the file, even on an error.
  for await (const chunk of handle.createReadStream()) hash.update(chunk);
  return hash.digest('hex');
}

/** SHA-256 of a text, in hex. */
export function sha256OfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
