type Labels = Readonly<Record<string, string>>

interface Series {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly values: Map<string, number>
  readonly buckets?: readonly number[]
}

/** Counts and measures of one role in the text format Prometheus reads. */
export interface Metrics {
  /** Adds to a counter. */
  count(name: string, labels?: Labels, by?: number): void
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void
  /** Records a duration in seconds in a histogram. */
  observe(name: string, seconds: number, labels?: Labels): void
  /** Reads a counter or gauge back; 0 when never touched. */
  value(name: string, labels?: Labels): number
  /** The text exposition, version 0.0.4. */
  text(): string
}

const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Series per metric; a label that takes ever new values is a mistake, so more are dropped. */
const MOST_SERIES = 1000

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([k, v]) => `${k}="${v.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`,
  )
  return parts.length > 0 ? `{${parts.join(',')}}` : ''
}

/** An empty set of metrics. `help` gives the one-line meaning of each name; names not in it are refused. */
export function createMetrics(help: Readonly<Record<string, string>>): Metrics {
  const all = new Map<string, Series>()
  const series = (name: string, kind: Series['kind']): Series => {
    let found = all.get(name)
    if (!found) {
      if (!(name in help)) throw new TypeError(`metric "${name}" has no help text`)
      found = { kind, help: help[name], values: new Map(), buckets: kind === 'histogram' ? BUCKETS : undefined }
      all.set(name, found)
    }
    return found
  }
  const add = (values: Map<string, number>, key: string, by: number): void => {
    if (!values.has(key) && values.size >= MOST_SERIES) return
    values.set(key, (values.get(key) ?? 0) + by)
  }
  return {
    count: (name, labels = {}, by = 1) => add(series(name, 'counter').values, labelText(labels), by),
    gauge(name, value, labels = {}) {
      series(name, 'gauge').values.set(labelText(labels), value)
    },
    observe(name, seconds, labels = {}) {
      const { values } = series(name, 'histogram')
      for (const le of BUCKETS) if (seconds <= le) add(values, `_bucket${labelText({ ...labels, le: String(le) })}`, 1)
      add(values, `_bucket${labelText({ ...labels, le: '+Inf' })}`, 1)
      add(values, `_sum${labelText(labels)}`, seconds)
      add(values, `_count${labelText(labels)}`, 1)
    },
    value: (name, labels = {}) => all.get(name)?.values.get(labelText(labels)) ?? 0,
    text() {
      let out = ''
      for (const [name, { kind, help: words, values }] of all) {
        out += `# HELP ${name} ${words}\n# TYPE ${name} ${kind}\n`
        for (const [suffix, value] of values) out += `${name}${suffix} ${value}\n`
      }
      return out
    },
  }
}
