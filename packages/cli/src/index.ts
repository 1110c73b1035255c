export { run } from './run.ts'
export type { CliIo } from './terminal.ts'
