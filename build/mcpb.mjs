/**
 * Packs the built server as an MCP Bundle, which Claude Desktop installs by a double click: `npm run mcpb`.
 * The bundle's tools are only needed here, so they are fetched when it is packed.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MCPB = '@anthropic-ai/mcpb@2.1.2';

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const { version, license, engines } = read('package.json');
const out = path.resolve(`batch-mcp-${version}.mcpb`);
const folder = mkdtempSync(path.join(os.tmpdir(), 'batch-mcp-mcpb-'));
const mcpb = (...args) =>
  execFileSync('npx', ['-y', MCPB, ...args], { stdio: 'inherit', shell: process.platform === 'win32' });

try {
  const isKept = (file) => !/compile-cache|\.d\.ts$/.test(file);
  cpSync('dist', path.join(folder, 'dist'), { recursive: true, filter: isKept });
  cpSync('LICENSE', path.join(folder, 'LICENSE'));
  const manifest = { ...read('mcpb/manifest.json'), version };
  writeFileSync(path.join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  // Node learns there how its files are to be read.
  const own = { name: 'batch-mcp', version, license, type: 'module', engines };
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  mcpb('validate', path.join(folder, 'manifest.json'));
  mcpb('pack', folder, out);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
