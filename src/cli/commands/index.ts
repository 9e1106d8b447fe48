import type { Command } from '../command.ts';
import { cancelCommand } from './cancel.ts';
import { collectCommand } from './collect.ts';
import { doctorCommand } from './doctor.ts';
import { estimateCommand } from './estimate.ts';
import { listCommand } from './list.ts';
import { modelsCommand } from './models.ts';
import { pruneCommand } from './prune.ts';
import { resultsCommand } from './results.ts';
import { retryCommand } from './retry.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status.ts';
import { storeCommand } from './store.ts';
import { submitCommand } from './submit.ts';
import { templatesCommand } from './templates.ts';
import { waitCommand } from './wait.ts';

/** In the order of `--help`. */
export const commands: readonly Command[] = [
  runCommand,
  submitCommand,
  estimateCommand,
  statusCommand,
  waitCommand,
  resultsCommand,
  retryCommand,
  cancelCommand,
  listCommand,
  collectCommand,
  modelsCommand,
  templatesCommand,
  doctorCommand,
  pruneCommand,
  storeCommand,
];
