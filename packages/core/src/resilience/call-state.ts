import { AsyncResource } from 'node:async_hooks'
import type { Clock } from '../clock.ts'
import { Unsettled } from './unsettled.ts'

let capturedResolve: (value: unknown) => void
let capturedReject: (reason: unknown) => void
/** One executor for all promises: it saves a closure per call. */
function capture(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  capturedResolve = resolve
  capturedReject = reject
}

const RESOURCE = { requireManualDestroy: true }

/**
 * What a call holds: its outcome so far, what each stage keeps, and the promise that is given to the caller. It is an async resource, because
 * what wakes a call (a timer shared with other calls, somebody's abort) runs in the async context of others, and a rerun must not inherit their
 * correlation id.
 *
 * Places are counted from the first slot inside, and from the first stage of the whole pipeline (`at`, `base` more) outside.
 */
export abstract class CallState extends AsyncResource {
  readonly argument: unknown
  readonly clock: Clock
  attempt = 1
  deadlineAt: number
  target: unknown = undefined
  failed = false
  value: unknown = undefined
  error: unknown = undefined

  protected readonly base: number
  protected readonly promise: Promise<unknown>
  /** Identifies what is waited for, or the callee that is being called. */
  protected currentTicket = 0
  readonly #states: unknown[]
  readonly #resolve: (value: unknown) => void
  readonly #reject: (reason: unknown) => void
  #unsettled: Unsettled | undefined = undefined

  constructor(places: number, base: number, argument: unknown, clock: Clock, deadlineAt: number) {
    super('comm.call', RESOURCE)
    this.base = base
    this.#states = new Array<unknown>(places)
    this.argument = argument
    this.clock = clock
    this.deadlineAt = deadlineAt
    this.promise = new Promise(capture)
    this.#resolve = capturedResolve
    this.#reject = capturedReject
  }

  /** Identifies the callee that is being called; for `startInside`. */
  get ticket(): number {
    return this.currentTicket
  }

  state(at: number): unknown {
    return this.#states[at - this.base]
  }

  setState(at: number, value: unknown): void {
    this.#states[at - this.base] = value
  }

  whenSettled(at: number, fn: () => void): void {
    if (this.#unsettled === undefined) fn()
    else this.#unsettled.whenSettled(at - this.base, this.currentTicket, fn)
  }

  /** What was begun under this ticket still runs, though nobody may wait for it. */
  protected leftBehind(ticket: number): void {
    this.#unsettled ??= new Unsettled()
    this.#unsettled.add(ticket)
  }

  /** It has ended, if it was left behind. */
  protected hasSettled(ticket: number): void {
    this.#unsettled?.settled(ticket)
  }

  /** Everything inside this place is run again. */
  protected forgetInside(at: number): void {
    this.attempt++
    this.failed = false
    this.value = this.error = undefined
    this.#states.fill(undefined, at + 1)
    this.#unsettled?.rerun(at, this.currentTicket)
  }

  protected setFailed(error: unknown): void {
    this.failed = true
    this.value = undefined
    this.error = error
  }

  /** The caller gets the outcome. */
  protected conclude(): void {
    if (this.failed) this.#reject(this.error)
    else this.#resolve(this.value)
  }
}
