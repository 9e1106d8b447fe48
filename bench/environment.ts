/**
 * The environment of everything that is measured, product and reference alike. What else this process has stays out: a
 * variable that names extra certificates makes the start of Node three times as long.
 */
export function environment(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, ANTHROPIC_API_KEY: 'sk-ant-bench' };
}
