const LOWEST_MS = 0.1
/** From one bucket to the next: what is said is at most a tenth too high. */
const GROWTH = 1.1
/** Up to about five hours. */
const BUCKETS = 200

/** The latencies of the last calls, so that it can say how long most of them took. Recording allocates nothing. */
export class LatencyQuantile {
  readonly #counts = new Uint32Array(BUCKETS)
  readonly #recent: Uint8Array
  #next = 0
  /** Latencies it knows. */
  calls = 0

  constructor(size: number) {
    this.#recent = new Uint8Array(size)
  }

  record(ms: number): void {
    const recent = this.#recent
    if (this.calls === recent.length) this.#add(recent[this.#next] ?? 0, -1)
    else this.calls++
    const bucket = bucketOf(ms)
    recent[this.#next] = bucket
    this.#add(bucket, 1)
    this.#next = this.#next + 1 === recent.length ? 0 : this.#next + 1
  }

  /** Milliseconds that this share of the calls did not exceed, rounded up to a bucket; 0 when none are known. */
  quantile(share: number): number {
    if (this.calls === 0) return 0
    let left = Math.ceil(share * this.calls)
    let bucket = 0
    for (left -= this.#counts[0] ?? 0; left > 0 && bucket < BUCKETS - 1; left -= this.#counts[bucket] ?? 0) bucket++
    return LOWEST_MS * GROWTH ** bucket
  }

  #add(bucket: number, count: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
  }
}

function bucketOf(ms: number): number {
  if (!(ms > LOWEST_MS)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LOWEST_MS) / Math.log(GROWTH)))
}
