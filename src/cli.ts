#!/usr/bin/env node
import { isNodeNewEnough } from './lib/node-version.ts';

const args = process.argv.slice(2);
const isPerson = args.length === 0 && process.stdin.isTTY;

// Imported only then: an old Node could not even read it.
if (isNodeNewEnough()) {
  void import('./mcp/start-server.ts').then(({ startServer }) => startServer(isPerson ? ['--help'] : args));
}
