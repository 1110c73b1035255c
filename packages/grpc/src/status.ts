import { status } from '@grpc/grpc-js'

/** The statuses of gRPC by name: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export type StatusName = keyof typeof status

const NAMES: readonly (StatusName | undefined)[] = Object.entries(status).reduce<StatusName[]>((names, [name, code]) => {
  if (typeof code === 'number') names[code] = name as StatusName
  return names
}, [])

/** @returns `UNKNOWN` for a code that no specification knows, as the protocol says */
export function statusName(code: number): StatusName {
  return NAMES[code] ?? 'UNKNOWN'
}

/** @returns undefined when there is no such status */
export function statusCode(name: string): status | undefined {
  return Object.hasOwn(status, name) ? (status[name as StatusName] as status | undefined) : undefined
}
