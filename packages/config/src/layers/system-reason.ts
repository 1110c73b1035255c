/** Why a file could not be read, without its path: the message names it already. */
export function systemReason(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'reading it is not permitted',
    EISDIR: 'it is a folder',
    ENOTDIR: 'its path leads through something that is not a folder',
  }
  return reasons[code ?? ''] ?? `reading it failed${code === undefined ? '' : ` with ${code}`}`
}
