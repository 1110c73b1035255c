import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const MOST_OUTPUT_BYTES = 64 * 1024 * 1024
const LAST_LINES = 3

/** Runs a command to its end. @returns what it printed @throws Error with the command and the end of what it complained about */
export async function execute(command: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const options = { maxBuffer: MOST_OUTPUT_BYTES, ...(cwd === undefined ? {} : { cwd }) }
    return (await promisify(execFile)(command, args, options)).stdout
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string }
    if (code === 'ENOENT') throw new Error(`there is no ${command} on this machine`, { cause: error })
    const complaint = (stderr || message).trim().split('\n').slice(-LAST_LINES).join('; ')
    throw new Error(`${command} ${args.at(-1)} failed: ${complaint}`, { cause: error })
  }
}
