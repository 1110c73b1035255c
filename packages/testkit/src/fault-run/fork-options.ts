import type { ForkOptions } from 'node:child_process'

/** For processes of a run: sources run as they are, memory can be collected before it is measured. */
export const FORK_OPTIONS: ForkOptions = {
  execArgv: ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning', '--expose-gc'],
  // The report alone is written to standard output.
  stdio: ['ignore', 2, 2, 'ipc'],
}
