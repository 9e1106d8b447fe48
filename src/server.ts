#!/usr/bin/env node
import { prepareNode, sayNotLoaded } from './lib/prepare-node.ts';

// Imported only after the check: an old Node could not even parse it.
if (prepareNode(import.meta.url)) {
  void import('./mcp/start-server.ts').then(
    ({ startServer }) => startServer(process.argv.slice(2)),
    sayNotLoaded,
  );
}
