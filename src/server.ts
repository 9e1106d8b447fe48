#!/usr/bin/env node
import { startServer } from './mcp/start-server.ts';

await startServer(process.argv.slice(2));
