import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

export interface CommandOptions {
  readonly cwd: string
  /** The process is killed after this time. @default no limit */
  readonly limitMs?: number
}

export interface CommandResult {
  /** `null` when the process was killed. */
  readonly code: number | null
  readonly timedOut: boolean
  /** Standard output and standard error, as they came. */
  readonly output: string
}

/** Runs a program of `node_modules/.bin` or of the PATH, without colours and without input. */
export function command(program: string, args: readonly string[], { cwd, limitMs }: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: [join(import.meta.dirname, '../../node_modules/.bin'), process.env.PATH].join(delimiter),
        NO_COLOR: '1',
        TURBO_TELEMETRY_DISABLED: '1',
        // Whoever called has installed already.
        pnpm_config_verify_deps_before_run: 'false',
        FORCE_COLOR: undefined,
      },
    })
    let output = ''
    let timedOut = false
    const timer =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            child.kill('SIGKILL')
          }, limitMs)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
    }
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, timedOut, output })
    })
  })
}

/** Runs at most `limit` tasks at a time and answers in the order of `items`. */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  const lane = async (): Promise<void> => {
    for (const [at, item] of waiting) results[at] = await task(item)
  }
  await Promise.all(Array.from({ length: limit }, lane))
  return results
}
