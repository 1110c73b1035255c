import { parsePrometheus, type Sample } from './prometheus-text.ts'

export interface OpenSample extends Sample {
  readonly exemplar: Omit<Sample, 'name'> | undefined
}

const EXEMPLAR = / # (\{[^}]*\} \S+) (\d+(?:\.\d+)?)$/

/** Reads OpenMetrics 1.0 as far as it differs: the mark of the end, families of counters without `_total`, floats as bounds, exemplars. */
export function parseOpenMetrics(text: string): {
  readonly samples: readonly OpenSample[]
  readonly problems: readonly string[]
} {
  const problems: string[] = []
  if (!text.endsWith('\n# EOF\n')) problems.push('no # EOF at the end')
  const exemplars: OpenSample['exemplar'][] = []
  const lines = text.split('\n').map((line) => {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (type === 'counter')
      return name?.endsWith('_total') ? `a counter is a family named _total: ${name}` : `# TYPE ${name}_total counter`
    if (type === 'info') return `# TYPE ${name}_info gauge`
    if (line === '' || line.startsWith('#')) return line
    const [found, sample = '', at = ''] = EXEMPLAR.exec(line) ?? []
    const parsed = parsePrometheus(`# TYPE exemplar gauge\nexemplar${sample}\n`).samples[0]
    if (found !== undefined && (parsed === undefined || Math.abs(Number(at) - Date.now() / 1000) > 3600))
      problems.push(`no exemplar: ${line}`)
    if (found !== undefined && !/^\w+(?:_bucket|_total)\{/.test(line)) problems.push(`an exemplar where none may be: ${line}`)
    exemplars.push(parsed && { labels: parsed.labels, value: parsed.value })
    if (/le="-?\d+"/.test(line)) problems.push(`a bound that is no float: ${line}`)
    return line.replace(EXEMPLAR, '')
  })
  const { samples, problems: others } = parsePrometheus(lines.join('\n'))
  return { samples: samples.map((sample, at) => ({ ...sample, exemplar: exemplars[at] })), problems: [...problems, ...others] }
}
