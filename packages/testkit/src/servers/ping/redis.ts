import type { Endpoint, Ping } from '../process/wait-until-ready.ts'
import { exchange } from './exchange.ts'

export interface RedisLogin {
  readonly username?: string
  readonly password?: string
}

const END = '\r\n'

/** Commands that need no quoting, each answered by one simple string, integer, error or bulk string (RESP2). */
export async function redisCommands(
  endpoint: Endpoint,
  commands: readonly (readonly string[])[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const request = commands.map((words) => `*${words.length}${END}${words.map(bulk).join('')}`).join('')
  return exchange(endpoint, request, (answer) => parse(answer, commands.length), signal)
}

function bulk(word: string): string {
  return `$${Buffer.byteLength(word)}${END}${word}${END}`
}

/** @returns undefined while the answer is incomplete @throws Error with what Redis complains about */
function parse(answer: Buffer, count: number): readonly string[] | undefined {
  const replies: string[] = []
  let at = 0
  while (replies.length < count) {
    const end = answer.indexOf(END, at)
    if (end < 0) return undefined
    const line = answer.toString('utf8', at, end)
    if (line.startsWith('-')) throw new Error(`Redis answered ${line.slice(1)}`)
    at = end + END.length
    if (!line.startsWith('$')) {
      replies.push(line.slice(1))
      continue
    }
    const length = Math.max(0, Number(line.slice(1)))
    if (answer.length < at + length + END.length) return undefined
    replies.push(answer.toString('utf8', at, at + length))
    at += length + END.length
  }
  return replies
}

export function redisPing({ username, password }: RedisLogin): Ping {
  const login = password === undefined ? [] : [['AUTH', ...(username === undefined ? [] : [username]), password]]
  return async (endpoint, signal) => {
    const replies = await redisCommands(endpoint, [...login, ['PING'], ['INFO', 'server']], signal)
    return /redis_version:(\S+)/.exec(replies.at(-1) ?? '')?.[1] ?? 'unknown'
  }
}
