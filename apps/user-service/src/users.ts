export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
  /** BCP 47; the language in which the user is written to. */
  readonly locale: string
}

const USERS: readonly User[] = [
  { id: '1', name: 'Ada Lovelace', email: 'ada@example.com', locale: 'en' },
  { id: '2', name: 'Grace Hopper', email: 'grace@example.com', locale: 'en' },
  { id: '3', name: 'Sophie Germain', email: 'sophie@example.com', locale: 'fr' },
]

export function findUser(id: string): User | undefined {
  return USERS.find((user) => user.id === id)
}
