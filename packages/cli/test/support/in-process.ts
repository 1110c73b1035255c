import { PassThrough } from 'node:stream'
import { type CliIo, run } from '@comm/cli'

/** Runs the command in this process. @param typed what a person types at the terminal; absent: there is no terminal */
export async function inProcess(
  words: readonly string[],
  { typed, ...io }: CliIo & { readonly typed?: string } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined })
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  stdin.end(typed)
  const code = await run(words, { env: {}, stdin, stdout, stderr, ...io })
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}
