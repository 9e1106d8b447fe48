#!/usr/bin/env node
import { isNodeNewEnough } from './lib/node-version.ts';

// Imported only then: an old Node could not even read it.
if (isNodeNewEnough()) {
  void import('./mcp/start-server.ts').then(({ startServer }) => startServer(process.argv.slice(2)));
}
