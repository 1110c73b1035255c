/** The command line asks for something that cannot be: exit code 2. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}
