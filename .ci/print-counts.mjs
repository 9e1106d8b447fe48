/** Prints `N passed, N failed` of vitest's JSON reports together; fails where one is not there, or no test of it passed. */

import { readFileSync } from 'node:fs';

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    process.stderr.write(`The tests did not run to their end: ${error.message}\n`);
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

/** How many tests of a report passed and failed. */
function countsOf({ numPassedTests, numFailedTests, testResults }) {
  // A test file that can't be loaded has no test that failed, but it did.
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  return { passed: numPassedTests, failed: numFailedTests + unloaded.length };
}

const counts = process.argv.slice(2).map((file) => countsOf(read(file)));
const passed = counts.reduce((sum, each) => sum + each.passed, 0);
const failed = counts.reduce((sum, each) => sum + each.failed, 0);
process.exitCode = counts.every((each) => each.passed > 0) && failed === 0 ? 0 : 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
