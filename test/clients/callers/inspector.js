import { runProgram } from '../run-program.js';

export async function connect({ command, args, env, cwd }) {
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const call = (name, given, signal) => {
    const pairs = Object.entries(given).flatMap(([key, value]) => [
      '--tool-arg',
      `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ]);
    const method = ['--method', 'tools/call', '--tool-name', name, ...pairs];
    return runProgram(
      '@modelcontextprotocol/inspector',
      'mcp-inspector',
      ['--cli', ...variables, ...method, '--', command, ...args],
      { cwd, signal },
    );
  };
  return { call, close: async () => {} };
}
