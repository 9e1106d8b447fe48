import { writeFile } from 'node:fs/promises';
import path from 'node:path';

export const claude = path.join(import.meta.dirname, 'node_modules/.bin/claude');

const apiKey = 'sk-ant-none-of-this-is-real';

/** A home for Claude Code with one MCP server, the stand-in for its model, and every question of a first start answered. */
export async function prepareHome({ command, args, env, cwd }, modelUrl) {
  const config = path.join(cwd, 'mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers: { 'batch-mcp': { command, args, env } } }));
  const answered = {
    hasCompletedOnboarding: true,
    theme: 'dark',
    customApiKeyResponses: { approved: [apiKey.slice(-20)], rejected: [] },
    projects: { [cwd]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
  await writeFile(path.join(cwd, '.claude.json'), JSON.stringify(answered));
  return {
    args: ['--mcp-config', config, '--strict-mcp-config', '--allowedTools', 'mcp__batch-mcp'],
    env: {
      PATH: process.env.PATH,
      HOME: cwd,
      SHELL: '/bin/sh',
      TERM: 'xterm-256color',
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: apiKey,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
    },
  };
}
