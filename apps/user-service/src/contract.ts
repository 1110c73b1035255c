import { contract, type Route, route, type ServiceContract } from '@comm/contracts'
import { z } from 'zod'
import type { User } from './users.ts'

export const getUser: Route<{ params: { id: string }; answers: { 200: User } }> = route({
  id: 'getUser',
  method: 'GET',
  path: '/users/:id',
  summary: 'Finds a user',
  params: z.object({ id: z.string() }),
  answers: {
    200: z
      .object({
        id: z.string(),
        name: z.string(),
        email: z.string(),
        locale: z.string().describe('BCP 47; the language in which the user is written to'),
      })
      .meta({ title: 'User' }),
  },
  problems: { 404: 'There is no such user' },
})

/** What others may rely on; `comm docs` writes it to `openapi.json`. */
export const userContract: ServiceContract = contract({
  title: 'user-service',
  version: '1.0.0',
  description: 'Knows the users.',
  routes: [getUser],
})
