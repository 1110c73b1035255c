export type MaybePromise<Value> = Value | Promise<Value>

/** Goes on with a value: at once where it is there, so that what needs no waiting does not wait. */
export function andThen<Value, Next>(value: MaybePromise<Value>, next: (value: Value) => MaybePromise<Next>): MaybePromise<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}
