/** Numbers of the fields of one message, or of the values of one enum, in a file that was written before. */
export interface Numbers {
  readonly byName: ReadonlyMap<string, number>
  /** Of what is gone: never given again. */
  readonly reserved: ReadonlySet<number>
}

const NONE: Numbers = { byName: new Map(), reserved: new Set() }

/** Reads the numbers of a file that `from-schema` has written: they are what the wire knows, so they must stay. */
export function numbersIn(text: string): ReadonlyMap<string, Numbers> {
  const all = new Map<string, Numbers>()
  for (const [, name = '', body = ''] of text.matchAll(/^(?:message|enum) (\w+) \{\n(.*?)^\}/gms)) {
    const fields = [...body.matchAll(/^ +(?:[\w.<>, ]+ )?(\w+) = (\d+)(?: \[[^\]]*\])?;/gm)]
    const reserved = [...body.matchAll(/^ +reserved ([\d, ]+);/gm)].flatMap(([, list = '']) => list.split(',').map(Number))
    all.set(name, {
      byName: new Map(fields.map(([, field = '', number]) => [field, Number(number)])),
      reserved: new Set(reserved),
    })
  }
  return all
}

export interface Numbered {
  number(name: string): number
  /** To be reserved from now on, ascending. */
  readonly reserved: readonly number[]
}

/**
 * @param first the lowest number there is
 * @param names all that there are now
 */
export function numbered(before: Numbers = NONE, names: readonly string[], first: number): Numbered {
  const gone = [...before.byName].filter(([name]) => !names.includes(name)).map(([, number]) => number)
  const reserved = new Set([...before.reserved, ...gone])
  const given = new Map([...before.byName].filter(([name]) => names.includes(name)))
  let next = Math.max(first - 1, ...reserved, ...given.values()) + 1
  for (const name of names) if (!given.has(name)) given.set(name, next++)
  return {
    number: (name) => given.get(name) as number,
    reserved: [...reserved].sort((one, other) => one - other),
  }
}
