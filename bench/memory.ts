import { readFileSync } from 'node:fs';

/** The most memory that a running process ever had resident, in MB; null where the system does not tell. */
export function peakMegabytes(pid: number | 'self'): number | null {
  if (process.platform !== 'linux') return null;
  // Not getrusage: its figure counts what the process that started this one had.
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return peak === undefined ? null : (Number(peak) * 1024) / 1e6;
}
