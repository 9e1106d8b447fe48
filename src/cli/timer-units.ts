import path from 'node:path';
import { BatchError } from '../errors.ts';
import { shellWord } from '../lib/shell-word.ts';

export const timers = ['systemd', 'launchd', 'cron', 'task-scheduler'] as const;
type Timer = (typeof timers)[number];

const usual: Partial<Record<NodeJS.Platform, Timer>> = { darwin: 'launchd', win32: 'task-scheduler' };
/** What this computer's system starts things by. */
export const usualTimer: Timer = usual[process.platform] ?? 'systemd';

/** A file to put somewhere, and where. */
export type UnitFile = { path: string; text: string };

type Units = {
  files: UnitFile[];
  /** What to do with them, a command each. */
  steps: string[];
};

type Job = {
  /** Absolute, for a timer finds no program. */
  command: readonly string[];
  home: string;
  /** The file of variables that the command reads. */
  settings: string;
};

const MINUTES = 10;
const LABEL = 'io.github.batch-mcp.collect';
const TASK = 'batch-mcp-collect';
const WHAT = 'batch-mcp: looks after batches that are not finished';

/** What a timer of this kind needs to run a command every ten minutes. */
export const unitsFor: Record<Timer, (job: Job) => Units> = {
  systemd({ command, home, settings }) {
    const folder = path.join(home, '.config', 'systemd', 'user');
    const service = `[Unit]
Description=${WHAT}

[Service]
Type=oneshot
ExecStart=${startedBySystemd(command).map(inSystemd).join(' ')}
# Not ended yet, and some tasks failed, are no failures of this.
SuccessExitStatus=3 4
`;
    const timer = `[Unit]
Description=${WHAT}

[Timer]
OnStartupSec=1min
OnUnitInactiveSec=${MINUTES}min

[Install]
WantedBy=timers.target
`;
    return {
      files: [
        { path: path.join(folder, `${TASK}.service`), text: service },
        { path: path.join(folder, `${TASK}.timer`), text: timer },
      ],
      steps: [
        privateFile(settings),
        'systemctl --user daemon-reload',
        `systemctl --user enable --now ${TASK}.timer`,
        'loginctl enable-linger   # so that it runs while you are logged out too',
      ],
    };
  },

  launchd({ command, home, settings }) {
    const file = path.join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`);
    const log = inXml(path.join(home, 'Library', 'Logs', `${TASK}.log`));
    const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    <string>${inXml(word)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>StartInterval</key>
  <integer>${MINUTES * 60}</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardOutPath</key>
  <string>${log}</string>
  <key>StandardErrorPath</key>
  <string>${log}</string>
</dict>
</plist>
`;
    return {
      files: [{ path: file, text }],
      steps: [privateFile(settings), `launchctl bootstrap gui/$(id -u) ${posixWord(file)}`],
    };
  },

  cron({ command, settings }) {
    if (command.some((word) => /[\r\n]/.test(word))) {
      throw new BatchError(
        'invalid_input',
        'A crontab line ends at the first line break, and a path in this command has one. Nothing was written; use --install systemd or launchd, or a path without one.',
      );
    }
    // Problems go to stderr, which cron sends by mail. A % would end the line in a crontab.
    const line = `*/${MINUTES} * * * * ${command.map(posixWord).join(' ').replaceAll('%', '\\%')} >/dev/null\n`;
    return {
      files: [{ path: 'crontab', text: line }],
      steps: [privateFile(settings), 'crontab -e   # and add that line'],
    };
  },

  // By PowerShell, for the options of schtasks.exe know neither batteries nor a start that was missed.
  'task-scheduler'({ command: [program = '', ...words], settings }) {
    const folder = path.dirname(settings);
    const file = path.join(folder, 'collect-task.ps1');
    const text = `$action = New-ScheduledTaskAction -Execute ${inPowerShell(program)} -Argument ${inPowerShell(words.map(inWindows).join(' '))}
$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date) -RepetitionInterval (New-TimeSpan -Minutes ${MINUTES})
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -MultipleInstances IgnoreNew
Register-ScheduledTask -TaskName ${TASK} -Description ${inPowerShell(WHAT)} -Action $action -Trigger $trigger -Settings $settings -Force
`;
    return {
      files: [{ path: file, text }],
      // Nobody else can read below the profile's folder.
      steps: [
        `if (-not (Test-Path ${inPowerShell(settings)})) { New-Item -Force ${inPowerShell(settings)} }`,
        `powershell -ExecutionPolicy Bypass -File ${inPowerShell(file)}`,
      ],
    };
  },
};

/** Of a shell on the system that has such timers, wherever they are printed. */
const posixWord = (word: string): string => shellWord(word, 'linux');

/** Makes a file that only its owner reads. */
function privateFile(file: string): string {
  const [folder, name] = [posixWord(path.dirname(file)), posixWord(file)];
  return `mkdir -p ${folder} && touch ${name} && chmod 600 ${name}`;
}

/** systemd takes no quotes or backslashes in the name of a program, and a $ only as it stands there. */
function startedBySystemd(command: readonly string[]): string[] {
  const isTaken = !/["'$\\\p{Cc}]/u.test(command[0] ?? '');
  return [...(isTaken ? [] : ['/usr/bin/env']), ...command];
}

/** As one word of an ExecStart, in which % and $ stand for something (systemd.service(5)). */
function inSystemd(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** As one word of PowerShell, which takes typographic quotes for quotes too (about_Quoting_Rules). */
const inPowerShell = (word: string) => `'${word.replace(/['‘’‚‛]/g, '$&$&')}'`;

/** As one word of a Windows command line, as CommandLineToArgvW reads it. */
function inWindows(word: string): string {
  if (word !== '' && !/[\s"]/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const inXml = (text: string) => text.replace(/[&<>]/g, (character) => entities[character] ?? character);
