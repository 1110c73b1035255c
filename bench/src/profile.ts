import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/** Records where this process spends its time, for Chrome's developer tools and others that read `.cpuprofile` files. */
export class Profile {
  readonly #session = new Session()

  async start(): Promise<void> {
    this.#session.connect()
    await this.#session.post('Profiler.enable')
    await this.#session.post('Profiler.setSamplingInterval', { interval: 100 })
    await this.#session.post('Profiler.start')
  }

  async write(file: string): Promise<void> {
    const { profile } = await this.#session.post('Profiler.stop')
    this.#session.disconnect()
    writeFileSync(file, JSON.stringify(profile))
  }
}
