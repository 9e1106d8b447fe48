/** Preloaded: the clock of this process is two days ahead. */
const ahead = 2 * 24 * 60 * 60 * 1000;
const now = Date.now;
Date.now = () => now() + ahead;
globalThis.Date = new Proxy(Date, {
  construct: (target, args) => (args.length === 0 ? new target(now() + ahead) : new target(...args)),
});
