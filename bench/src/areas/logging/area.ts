import type { Area, Contender } from '@comm/bench/area'

const OURS = '@comm/logging'
const winston = import.meta.resolve('./winston.ts')
const commLogging = import.meta.resolve('./comm-logging.ts')

function contenders(parameters: Readonly<Record<string, unknown>>): readonly Contender[] {
  return [
    { name: 'winston', module: winston, parameters },
    { name: OURS, module: commLogging, parameters },
  ]
}

export const area: Area = {
  name: 'logging',
  packages: ['logging'],
  works: [
    {
      // Ours has the correlation id of the call in each line, and looks through every value for secrets.
      name: 'enabled line',
      baseline: 'winston',
      contenders: contenders({ level: 'info', sink: 'nothing' }),
      limits: [{ contender: OURS, atMost: 1.15, timesOf: 'winston' }],
    },
    {
      // Ours is with the operating system when the call returns; winston's is lost at an exit.
      name: 'enabled line, to a file',
      baseline: 'winston',
      contenders: contenders({ level: 'info', sink: 'file' }),
    },
    {
      name: 'disabled line',
      baseline: 'winston',
      contenders: contenders({ level: 'error', sink: 'nothing' }),
      limits: [{ contender: OURS, atMostCpuUs: 0.05 }],
    },
  ],
}
