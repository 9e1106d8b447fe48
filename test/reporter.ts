import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** Tests that a run leaves out, by whether they are tagged as long, and who runs them. */
export type LeftOut = { long: boolean; reason: string };

const LONG_LEFT_OUT: LeftOut = { long: true, reason: 'long by nature, run by npm run test:long' };

/** Says before the tests how long they take, and after them which were skipped and why. */
export class AroundTests implements Reporter {
  private readonly announcement: string;
  private readonly leftOut: LeftOut;

  constructor(announcement: string, leftOut = LONG_LEFT_OUT) {
    this.announcement = announcement;
    this.leftOut = leftOut;
  }

  onInit(vitest: Vitest): void {
    vitest.logger.log(`${this.announcement} Failures are told at the end.`);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const line of skipped(modules, this.leftOut)) process.stdout.write(`${line}\n`);
  }
}

/** One line per reason, with how many it skips. */
function skipped(modules: readonly TestModule[], leftOut: LeftOut): string[] {
  const counts = new Map<string, number>();
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const result = test.result();
      const isLong = test.options.tags?.includes('long') ?? false;
      const reason =
        (result.state === 'skipped' && result.note) ||
        (isLong === leftOut.long ? leftOut.reason : `no reason given in ${module.relativeModuleId}`);
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  return [...counts].map(([reason, count]) => `${count} skipped: ${reason.replace(/^skipped: /, '')}`);
}
