import type { ForkOptions } from 'node:child_process'

/** V8 gives the room of young objects back late, if at all: as large as it may be by itself (3 times 32 MiB), it would pass for a leak. */
export const MEMORY_MEASURED: readonly string[] = ['--expose-gc', '--max-semi-space-size=4']

/** For processes of a run: sources run as they are, memory can be collected before it is measured. */
export const FORK_OPTIONS: ForkOptions = {
  execArgv: ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning', ...MEMORY_MEASURED],
  // The report alone is written to standard output.
  stdio: ['ignore', 2, 2, 'ipc'],
}
