import { spawn } from 'node:child_process'

/**
 * A shell that reads a pipe whose other end only this process holds. `guard` lines replace the process groups to kill. The end
 * of the pipe without `closed` means that this process is gone, however it went (SIGKILL, Ctrl-C, a crash). The shell has a
 * session of its own, where the terminal's Ctrl-C does not reach it.
 */
const SCRIPT = `groups=
while read -r word rest; do
  case $word in
    guard) groups=$rest ;;
    closed) exit ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }`

/** Sees to it that no server outlives the process that started it, and that its folder goes with it. */
export interface Watchdog {
  /** These groups run now, and no others: the number of one that has ended may belong to somebody else from then on. */
  guard(groupIds: readonly number[]): void
  /** Everything was closed in good order; resolves once the shell is gone. */
  dismiss(): Promise<void>
}

/** @param folder removed when this process dies */
export function watchOver(folder: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'comm-test-server-watchdog', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  const gone = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve())
    shell.once('error', () => resolve())
  })
  shell.stdin.on('error', () => undefined)
  // Neither the shell nor its pipe keeps this process alive. The type says Writable; a pipe is a socket.
  shell.unref()
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  return {
    guard: (groupIds) => shell.stdin.write(`guard ${groupIds.join(' ')}\n`),
    async dismiss() {
      shell.ref()
      shell.stdin.end('closed\n')
      await gone
    },
  }
}
