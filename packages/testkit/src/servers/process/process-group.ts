import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 10
const MOST_LOOKS = 500

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  /** Beside this process's own variables. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * A program as the leader of a process group of its own, so that a signal reaches all it has started, and so that the terminal's
 * Ctrl-C reaches none of it. It keeps this process alive only while somebody awaits its end.
 */
export class ProcessGroup {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #endedHow: string | undefined

  private constructor(child: ChildProcess, pid: number, onEnd: () => void) {
    this.pid = pid
    this.#child = child
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#endedHow = signal ? `was ended by ${signal}` : `exited with code ${code}`
        sendSignal(-pid, 'SIGKILL')
        onEnd()
        resolve()
      })
    })
    child.unref()
  }

  /**
   * @param folder where it runs
   * @param logFile what it prints is appended there
   * @param onEnd called once its leader has ended; what the leader left behind in the group is killed by then
   * @throws the system's error if the program cannot be started
   */
  static async start(program: Program, folder: string, logFile: string, onEnd: () => void): Promise<ProcessGroup> {
    const log = openSync(logFile, 'a')
    try {
      const child = spawn(program.command, program.args, {
        cwd: folder,
        detached: true,
        env: { ...process.env, ...program.env },
        stdio: ['ignore', log, log],
      })
      if (child.pid === undefined) throw (await once(child, 'error'))[0]
      return new ProcessGroup(child, child.pid, onEnd)
    } finally {
      closeSync(log)
    }
  }

  /** How it ended, as the end of a sentence; undefined while it runs. */
  get ended(): string | undefined {
    return this.#endedHow
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#endedHow === undefined) sendSignal(-this.pid, signal)
  }

  /** SIGSTOP. Resolves when it has stopped: on a busy machine it may go on for a while after the signal. */
  async stop(): Promise<void> {
    this.signal('SIGSTOP')
    for (let look = 0; look < MOST_LOOKS && this.#endedHow === undefined && !(await isStopped(this.pid)); look++)
      await sleep(LOOK_MS)
  }

  /** SIGTERM, and SIGKILL when `graceMs` are over; `graceMs` 0 is SIGKILL at once. */
  async end(graceMs: number): Promise<void> {
    this.#child.ref()
    if (graceMs === 0) {
      this.signal('SIGKILL')
      return this.#ended
    }
    this.signal('SIGTERM')
    this.signal('SIGCONT')
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(timer)
  }
}

function sendSignal(to: number, signal: NodeJS.Signals): void {
  try {
    process.kill(to, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Whether all threads of a process have stopped (proc(5), state `T`); true where the system does not tell. */
async function isStopped(pid: number): Promise<boolean> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')))
    // The state comes after the name, which stands in parentheses and may have any characters.
    return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'))
  } catch {
    return true
  }
}
