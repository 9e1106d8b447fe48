#!/usr/bin/env node
import { startServer } from './start-server.ts';

await startServer(process.argv.slice(2));
