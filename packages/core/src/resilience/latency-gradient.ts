import type { ResolvedGradient } from './concurrency-limit-options.ts'

/** What one call has told about the callee: how long it took, or that the callee had too much to do. */
export interface Observation {
  readonly startedAt: number
  readonly endedAt: number
  /** The callee did not cope: a timeout, a 503. Its duration says nothing. */
  readonly overloaded: boolean
  /** Calls under way when it ended, itself included. */
  readonly running: number
}

/** Outcomes since the limit was changed last. */
interface Sample {
  readonly since: number
  count: number
  totalMs: number
  overloads: number
  mostRunning: number
}

/** A look at lower limits. */
interface Probe {
  level: number
  /** Mean latency at the level before. */
  previousMs: number
  /** The highest limit of which a settled latency is known. */
  top: { readonly limit: number; readonly meanMs: number } | undefined
  /** What ends before is still of the time before, or one of the quick ones that end first. */
  settledAt: number
  readonly until: number
  /** Then it has been silent for too long: what holds the slots does not end. */
  heardUntil: number
}

function emptySample(since: number): Sample {
  return { since, count: 0, totalMs: 0, overloads: 0, mostRunning: 0 }
}

/** Of a probe, how long it may take in windows of time: a callee that never ends its calls must not keep the limit low. */
const MOST_PROBE_WINDOWS = 50
/** How long no call may end that began under the lower limit, in windows of time or in latencies, whichever is more. */
const MOST_SILENCE = 5
const BASELINE_SMOOTHING = 0.2
/** Latencies to wait after the limit was lowered. */
const SETTLING = 2
/** A latency up to so many times the baseline confirms it. */
const UNCHANGED = 1.1
/** A latency below this share of the one before has fallen; what is above may be noise. */
const FALLEN = 0.8
/** Share of a window's outcomes that must be overloads to count for one: a few are the callee's everyday life. */
const OVERLOADED = 0.1
/** The first probes follow each other closely: at the beginning latency has not settled, and the first guess may be far off. */
const FIRST_PROBE_GAP_WINDOWS = 10
/** Per window, until the first sign of a queue: a limit that begins far too low must not crawl. */
const STARTING_GROWTH = 1.5
/** One window lowers the limit to half of it at most, before smoothing: outliers must not shut the door. */
const LEAST_GRADIENT = 0.5

/**
 * Finds how many calls a callee can serve at once, from latencies alone. Pure: it is told outcomes and says a limit.
 *
 * Per window of time, the limit follows `limit * gradient + sqrt(limit)`, where the gradient is the latency without a queue, times a
 * tolerance, over the latency now, between 0.5 and 1; an overload multiplies the limit by `backoff`. That is the gradient of Netflix
 * concurrency-limits and of Envoy's adaptive concurrency filter. As in the latter, the latency without a queue (the baseline) is
 * measured, by a probe now and then that lowers the limit, because a mere average or minimum follows a lasting overload upwards. A
 * probe here halves the limit until the latency does not fall any more, so that it costs little.
 */
export class LatencyGradient {
  readonly #options: ResolvedGradient
  readonly #random: () => number
  #estimate: number
  #baselineMs = Number.POSITIVE_INFINITY
  #smoothMs = 0
  #sample: Sample
  #probe: Probe | undefined
  #probed = false
  /** The last probe ended at the first level, where the latency was as expected: the next one looks further, lest a queue hides there. */
  #confirmed = false
  #probeAt: number
  #probeGapMs: number
  /** Nothing has shown yet that the limit is high enough. */
  #starting = true

  constructor(options: ResolvedGradient, random: () => number, now: number) {
    this.#options = options
    this.#random = random
    this.#estimate = options.initialLimit
    this.#sample = emptySample(now)
    this.#probeAt = now
    this.#probeGapMs = FIRST_PROBE_GAP_WINDOWS * options.windowMs
  }

  /** An integer. */
  get limit(): number {
    return Math.floor(this.#probe?.level ?? this.#estimate)
  }

  /** Mean latency without a queue, in milliseconds; Infinity while it is not known. */
  get baselineMs(): number {
    return this.#baselineMs
  }

  /** Lets time pass: for a callee whose calls do not end, of which nothing is observed. */
  tick(now: number): void {
    const probe = this.#probe
    if (probe !== undefined && (now >= probe.until || now >= probe.heardUntil)) this.#endProbe(this.#estimate, now)
  }

  observe(observation: Observation): void {
    const { startedAt, endedAt, overloaded, running } = observation
    this.tick(endedAt)
    const sample = this.#sample
    if (this.#probe !== undefined) {
      if (startedAt < sample.since) return
      this.#probe.heardUntil = this.#silentAt(endedAt)
      if (endedAt < this.#probe.settledAt) return
    }
    if (overloaded) sample.overloads++
    else {
      sample.count++
      sample.totalMs += endedAt - startedAt
    }
    if (running > sample.mostRunning) sample.mostRunning = running
    const { windowMs, windowCalls } = this.#options
    const outcomes = sample.count + sample.overloads
    if (this.#probe !== undefined) {
      if (outcomes >= windowCalls) this.#judgeLevel(this.#probe, sample, endedAt)
    } else if (outcomes >= windowCalls && endedAt - sample.since >= windowMs) this.#judge(sample, endedAt)
  }

  #judge(sample: Sample, now: number): void {
    this.#sample = emptySample(now)
    const meanMs = sample.count === 0 ? Number.POSITIVE_INFINITY : sample.totalMs / sample.count
    if (sample.count > 0) this.#smooth(meanMs)
    // The limit did not bind, so it made no queue either: nothing to learn about it, but the latency is one without a queue.
    const bound = sample.mostRunning >= this.#estimate / 2
    if (sample.overloads >= OVERLOADED * (sample.count + sample.overloads)) this.#set(this.#estimate * this.#options.backoff)
    else if (bound) this.#follow(meanMs)
    if (now < this.#probeAt) return
    if (bound) return this.#beginProbe(meanMs, now)
    this.#baselineMs = this.#smoothMs
    this.#probeAt = this.#nextProbeAt(now)
  }

  /** A lower latency is the new baseline, but a smoothed one: the lowest of many means is the one with the luckiest sample. */
  #smooth(meanMs: number): void {
    this.#smoothMs = this.#smoothMs === 0 ? meanMs : this.#smoothMs + BASELINE_SMOOTHING * (meanMs - this.#smoothMs)
    if (this.#smoothMs < this.#baselineMs && this.#probed) this.#baselineMs = this.#smoothMs
  }

  #follow(meanMs: number): void {
    const { maxLimit, smoothing, tolerance } = this.#options
    const estimate = this.#estimate
    const gradient = meanMs === 0 ? 1 : Math.max(LEAST_GRADIENT, Math.min(1, (tolerance * this.#baselineMs) / meanMs))
    this.#starting &&= gradient === 1
    if (this.#starting) return this.#set(estimate * STARTING_GROWTH)
    const wanted = Math.min(maxLimit, estimate * gradient + Math.sqrt(estimate))
    this.#set(estimate * (1 - smoothing) + wanted * smoothing)
  }

  #set(estimate: number): void {
    this.#estimate = Math.max(this.#options.minLimit, Math.min(this.#options.maxLimit, estimate))
  }

  #beginProbe(meanMs: number, now: number): void {
    const { minLimit, windowMs } = this.#options
    const level = Math.max(minLimit, this.#estimate / 2)
    // At the very beginning the latency is still on its way to what this limit makes of it.
    const top = this.#probed ? { limit: this.#estimate, meanMs } : undefined
    this.#probed = true
    this.#probe = {
      level,
      previousMs: top?.meanMs ?? Number.POSITIVE_INFINITY,
      top,
      settledAt: now + SETTLING * this.#smoothMs,
      until: now + MOST_PROBE_WINDOWS * Math.max(windowMs, this.#smoothMs),
      heardUntil: this.#silentAt(now),
    }
  }

  #silentAt(now: number): number {
    return now + MOST_SILENCE * Math.max(this.#options.windowMs, this.#smoothMs)
  }

  /** Enough is known of a level: go down once more, or take its latency for the one without a queue. */
  #judgeLevel(probe: Probe, { count, totalMs }: Sample, now: number): void {
    this.#sample = emptySample(now)
    if (count === 0) return this.#endProbe(probe.level, now)
    const meanMs = totalMs / count
    if (!this.#confirmed && this.#baselineMs < Number.POSITIVE_INFINITY && meanMs <= UNCHANGED * this.#baselineMs) {
      this.#confirmed = true
      return this.#endProbe(this.#estimate, now)
    }
    probe.top ??= { limit: probe.level, meanMs }
    const { minLimit, tolerance } = this.#options
    if (meanMs < FALLEN * probe.previousMs && probe.level > minLimit) {
      probe.previousMs = meanMs
      probe.level = Math.max(minLimit, probe.level / 2)
      probe.settledAt = now + SETTLING * meanMs
      probe.heardUntil = this.#silentAt(now)
      return
    }
    this.#confirmed = false
    this.#baselineMs = meanMs
    // Little's law: of the calls under way at the top, so many were served and the others waited.
    const served = (probe.top.limit * meanMs) / probe.top.meanMs
    const hadQueue = meanMs < FALLEN * probe.top.meanMs
    this.#endProbe(hadQueue ? Math.min(this.#estimate, tolerance * served) : this.#estimate, now)
  }

  #endProbe(estimate: number, now: number): void {
    this.#probe = undefined
    this.#set(estimate)
    this.#sample = emptySample(now)
    this.#probeAt = this.#nextProbeAt(now)
  }

  /** Not all clients of a callee at once. */
  #nextProbeAt(now: number): number {
    const gapMs = Math.min(this.#probeGapMs, this.#options.probeIntervalMs)
    this.#probeGapMs = gapMs * 2
    return now + gapMs * (0.9 + 0.2 * this.#random())
  }
}
