import path from 'node:path';

export const timers = ['systemd', 'launchd', 'cron'] as const;
export type Timer = (typeof timers)[number];

/** A file to put somewhere, and where. */
export type UnitFile = { path: string; text: string };

export type Units = {
  files: UnitFile[];
  /** What to do with them, a command each. */
  steps: string[];
};

type Job = {
  /** Absolute, for a timer finds no program. */
  command: readonly string[];
  home: string;
};

const MINUTES = 10;
const LABEL = 'io.github.batch-mcp.collect';
const WHAT = 'batch-mcp: looks after batches that are not finished';

/** What a timer of this kind needs to run a command every ten minutes. */
export const unitsFor: Record<Timer, (job: Job) => Units> = {
  systemd({ command, home }) {
    const folder = path.join(home, '.config', 'systemd', 'user');
    const service = `[Unit]
Description=${WHAT}

[Service]
Type=oneshot
ExecStart=${command.map(inSystemd).join(' ')}
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
        { path: path.join(folder, 'batch-mcp-collect.service'), text: service },
        { path: path.join(folder, 'batch-mcp-collect.timer'), text: timer },
      ],
      steps: [
        'systemctl --user daemon-reload',
        'systemctl --user enable --now batch-mcp-collect.timer',
        'loginctl enable-linger   # so that it runs while you are logged out too',
      ],
    };
  },

  launchd({ command, home }) {
    const file = path.join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`);
    const log = inXml(path.join(home, 'Library', 'Logs', 'batch-mcp-collect.log'));
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
    return { files: [{ path: file, text }], steps: [`launchctl bootstrap gui/$(id -u) ${inShell(file)}`] };
  },

  cron({ command }) {
    // What goes wrong stands on stderr, which cron sends as a mail. A % would end the line there.
    const line = `*/${MINUTES} * * * * ${command.map(inShell).join(' ').replaceAll('%', '\\%')} >/dev/null\n`;
    return { files: [{ path: 'crontab', text: line }], steps: ['crontab -e   # and add that line'] };
  },
};

/** As one word of a shell. */
export function inShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** As one word of an ExecStart, in which % and $ stand for something (systemd.service(5)). */
function inSystemd(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const inXml = (text: string) => text.replace(/[&<>]/g, (character) => entities[character] ?? character);
