import type { Sample } from './load.ts'

export interface Series {
  readonly name: string
  readonly samples: readonly Sample[]
}

const WIDTH = 860
const PANEL_HEIGHT = 210
const LEFT = 62
const TOP = 46
const GAP = 56
/** Decades of the time axis, in milliseconds. */
const FASTEST = 1
const SLOWEST = 10_000

/** A picture of each series, one above the other: a dot for each request, when it was due and how long it took; red ones have failed. */
export function plotSvg(title: string, series: readonly Series[], seconds: number): string {
  const height = TOP + series.length * (PANEL_HEIGHT + GAP)
  const panels = series.map((each, index) => panel(each, TOP + index * (PANEL_HEIGHT + GAP), seconds))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222">
<title>${title}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${LEFT}" y="20" font-size="15" font-weight="bold">${title}</text>
${panels.join('\n')}
</svg>
`
}

function panel({ name, samples }: Series, top: number, seconds: number): string {
  const x = (at: number): number => LEFT + (at / (seconds * 1000)) * (WIDTH - LEFT - 20)
  const y = (ms: number): number => {
    const share = Math.log(Math.min(SLOWEST, Math.max(FASTEST, ms)) / FASTEST) / Math.log(SLOWEST / FASTEST)
    return top + PANEL_HEIGHT - share * PANEL_HEIGHT
  }
  const lines = [1, 10, 100, 1000, 10_000].map(
    (ms) =>
      `<path d="M${LEFT} ${y(ms).toFixed(1)}H${WIDTH - 20}" stroke="#ddd"/><text x="${LEFT - 8}" y="${(y(ms) + 4).toFixed(1)}" text-anchor="end">${ms} ms</text>`,
  )
  const ticks = Array.from({ length: 7 }, (_, tick) => (seconds / 6) * tick).map(
    (second) =>
      `<text x="${x(second * 1000).toFixed(1)}" y="${top + PANEL_HEIGHT + 17}" text-anchor="middle">${Math.round(second)} s</text>`,
  )
  return [
    `<text x="${LEFT}" y="${top - 8}">${name}</text>`,
    ...lines,
    ...ticks,
    dots(
      samples.filter(({ ok }) => ok),
      '#2563a8',
    ),
    dots(
      samples.filter(({ ok }) => !ok),
      '#c62828',
    ),
  ].join('\n')

  /** One path for all: a picture of thousands of circles is ten times as large. */
  function dots(which: readonly Sample[], colour: string): string {
    const path = which.map(({ at, ms }) => `M${x(at).toFixed(1)} ${y(ms).toFixed(1)}h0`).join('')
    return `<path d="${path}" stroke="${colour}" stroke-width="2" stroke-linecap="round" opacity="0.5"/>`
  }
}
