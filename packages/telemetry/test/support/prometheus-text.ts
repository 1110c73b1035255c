export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

/**
 * Reads the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/) and finds what is against it: lines
 * that are none, samples without a type, two families of a name, two samples with the same labels.
 */
export function parsePrometheus(text: string): { readonly samples: readonly Sample[]; readonly problems: readonly string[] } {
  const samples: Sample[] = []
  const problems: string[] = []
  const types = new Map<string, string>()
  const seen = new Set<string>()
  if (!text.endsWith('\n')) problems.push('the last line has no end')
  for (const line of text.split('\n').filter(Boolean)) {
    if (line.startsWith('#')) {
      // Any other comment means nothing.
      const [, kind, name = '', type = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
      if (kind === 'TYPE' && types.has(name)) problems.push(`two types: ${name}`)
      if (kind === 'TYPE') types.set(name, type)
      continue
    }
    const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? []
    const labels = labelsOf(labelText)
    if (name === '' || labels === undefined || Number.isNaN(numberOf(value))) {
      problems.push(`no sample: ${line}`)
      continue
    }
    const family = types.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '')
    if (!types.has(family)) problems.push(`no type: ${name}`)
    if (types.get(family) === 'counter' && !name.endsWith('_total')) problems.push(`a counter not named _total: ${name}`)
    const key = `${name}{${JSON.stringify(Object.entries(labels).sort())}}`
    if (seen.has(key)) problems.push(`twice: ${key}`)
    seen.add(key)
    samples.push({ name, labels, value: numberOf(value) })
  }
  return { samples, problems }
}

function labelsOf(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  let end = 0
  for (let found = LABEL.exec(text); found !== null; found = LABEL.exec(text)) {
    labels[found[1] as string] = (found[2] as string).replace(/\\(["\\n])/g, (_whole, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    )
    end = LABEL.lastIndex
  }
  return end === text.length ? labels : undefined
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}
