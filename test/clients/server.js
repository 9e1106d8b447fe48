import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** How a client starts the server before a sandbox of such a pace, with a folder and a record of the wire of its own. */
export async function serverIn(cwd, built, seconds) {
  await mkdir(cwd, { recursive: true });
  const wire = path.join(cwd, 'wire.jsonl');
  const env = {
    PATH: process.env.PATH,
    HOME: cwd,
    BATCH_MCP_DATA_DIR: path.join(cwd, 'data'),
    BATCH_MCP_SANDBOX_SECONDS: String(seconds),
    BATCH_MCP_LOG_LEVEL: 'error',
  };
  const node = process.env.SERVER_NODE ?? process.execPath;
  const args = [path.join(import.meta.dirname, 'wire.js'), wire, node, built, '--sandbox'];
  return { command: process.execPath, args, env, cwd, wire };
}

/** What went over the wire so far, as `{from, message}`. */
export async function messagesOf({ wire }) {
  const text = await readFile(wire, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
