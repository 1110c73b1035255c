import type { Command } from 'commander'
import { parseCount } from '../arguments/units.ts'
import type { Bind } from '../invocation.ts'
import { listLetters } from './list.ts'
import { purgeLetters } from './purge.ts'
import { replayLetters } from './replay.ts'
import { addSelection } from './selection.ts'
import { showLetter } from './show.ts'

/** A letter is looked for by its id in more of them than are listed. */
const SHOW_LIMIT = 1000
/** As in `REPLAY_DEFAULTS` of `@comm/messaging`, which need not be installed for `--help`. */
const MAX_REPLAYS = 3

export function addDeadLetterCommands(program: Command, bind: Bind): void {
  const dlq = program.command('dlq').description('dead letters: messages that a group could not handle')
  const forGroup = (command: Command): Command =>
    command.option('-g, --group <group>', 'the group that could not handle them (default: the configured service name)')

  const list = forGroup(dlq.command('list <topic>').description('list them, oldest first'))
  bind(addSelection(list).option('--json', 'one line of JSON a letter'), listLetters)

  const show = forGroup(dlq.command('show <topic> <id>').description('show one: error, headers, body'))
  show
    .option('--full', 'all of the body, however long')
    .option('--limit <n>', 'look for it among the oldest n', parseCount, SHOW_LIMIT)
    .option('--json', 'as one line of JSON')
  bind(show, showLetter)

  const replay = forGroup(dlq.command('replay <topic>').description('give them to the group that failed once more'))
  addSelection(replay)
    .option('--dry-run', 'only say what would be replayed')
    .option('--max-replays <n>', 'leave those alone that were replayed this often before', parseCount, MAX_REPLAYS)
    .option('--json', 'one line of JSON a letter')
  bind(replay, replayLetters)

  const purge = forGroup(dlq.command('purge <topic>').description('throw all of them away, for good'))
  bind(purge.option('-y, --yes', 'do not ask'), purgeLetters)
}
