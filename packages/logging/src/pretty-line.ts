import type { LogLevel } from '@comm/core'
import type { LogEntry } from './log-entry.ts'

const NAME_WIDTH = 14
const MESSAGE_WIDTH = 36
const INDENT = '    '

type Paint = (text: string) => string

const PLAIN: Paint = (text) => text
const sgr =
  (code: number): Paint =>
  (text) =>
    `\u001b[${code}m${text}\u001b[0m`
const DIM = sgr(2)
const LEVEL_COLORS: Readonly<Record<LogLevel, Paint>> = {
  trace: sgr(2),
  debug: sgr(36),
  info: sgr(32),
  warn: sgr(33),
  error: sgr(31),
}

/** Shown in its own column or not at all: the service is the same in every line of a terminal. */
const IN_COLUMNS: ReadonlySet<string> = new Set(['timestamp', 'level', 'message', 'logger', 'service'])

/** Aligned columns for people: time (UTC), level, logger, message, fields; the stacks of errors below. */
export function prettyLine(colors: boolean): (entry: LogEntry) => string {
  const dim = colors ? DIM : PLAIN
  return (entry) => {
    const { timestamp, level, message, logger = '' } = entry
    const paint = colors ? LEVEL_COLORS[level] : PLAIN
    const fields: string[] = []
    const stacks: string[] = []
    for (const [key, value] of Object.entries(entry)) {
      if (IN_COLUMNS.has(key)) continue
      fields.push(`${dim(`${printable(key)}=`)}${brief(value)}`)
      collectStacks(value, stacks, '')
    }
    const columns = [
      dim(timestamp.slice(11)),
      paint(level.toUpperCase().padEnd(5)),
      dim(printable(logger).padEnd(NAME_WIDTH)),
      fields.length > 0 ? printable(message).padEnd(MESSAGE_WIDTH) : printable(message),
      ...fields,
    ]
    return [columns.join(' '), ...stacks.map((stack) => dim(stack))].join('\n')
  }
}

interface ErrorData {
  readonly name: string
  readonly message: string
  readonly code?: unknown
  readonly stack?: unknown
  readonly cause?: unknown
}

function isErrorData(value: unknown): value is ErrorData {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value && typeof value.message === 'string'
}

function brief(value: unknown): string {
  if (isErrorData(value)) {
    const code = typeof value.code === 'string' ? ` (${value.code})` : ''
    return printable(`${value.name}${code}: ${value.message}`)
  }
  if (typeof value === 'string') return /^[\w.:/@+[\]-]+$/.test(value) ? value : printable(JSON.stringify(value))
  return printable(JSON.stringify(value) ?? String(value))
}

/** Where the error was made, then where its cause was, and so on. */
function collectStacks(value: unknown, into: string[], heading: string): void {
  if (!isErrorData(value)) return
  const lines = typeof value.stack === 'string' ? value.stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
  if (heading !== '') into.push(`${INDENT}${heading}${brief(value)}`)
  into.push(...lines.map((line) => `${INDENT}${printable(line.trim())}`))
  collectStacks(value.cause, into, 'caused by ')
}

/** A line stays one line, and nobody who can get a text logged can steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/\p{Cc}/u, '\\x7f'),
  )
}
