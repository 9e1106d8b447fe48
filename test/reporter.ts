import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** Says before the tests how long they take, and after them which were skipped and why. */
export class AroundTests implements Reporter {
  private readonly announcement: string;

  constructor(announcement: string) {
    this.announcement = announcement;
  }

  onInit(vitest: Vitest): void {
    vitest.logger.log(`${this.announcement} Failures are told at the end.`);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const line of skipped(modules)) process.stdout.write(`${line}\n`);
  }
}

/** One line per reason, with how many it skips. */
function skipped(modules: readonly TestModule[]): string[] {
  const counts = new Map<string, number>();
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const result = test.result();
      const reason = test.options.tags?.includes('long')
        ? 'long by nature, run by npm run test:long'
        : (result.state === 'skipped' && result.note) || `no reason given in ${module.relativeModuleId}`;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  return [...counts].map(([reason, count]) => `${count} skipped: ${reason.replace(/^skipped: /, '')}`);
}
