export interface UnderWay {
  readonly url: string
  /** Its URL was invalidated meanwhile: what it brings may be older than that. */
  readonly isOutdated: boolean
}

/** The fetches whose answers are still to be stored. */
export class FetchesUnderWay {
  readonly #all = new Set<{ readonly url: string; isOutdated: boolean }>()

  begin(url: string): UnderWay {
    const fetch = { url, isOutdated: false }
    this.#all.add(fetch)
    return fetch
  }

  end(fetch: UnderWay): void {
    this.#all.delete(fetch as { url: string; isOutdated: boolean })
  }

  outdate(concerns: (url: string) => boolean): void {
    for (const fetch of this.#all) if (concerns(fetch.url)) fetch.isOutdated = true
  }
}
