// Preloaded (`--import`): the package named by WITHOUT_PACKAGE is not installed.
import { registerHooks } from 'node:module'

const { WITHOUT_PACKAGE = '' } = process.env

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== WITHOUT_PACKAGE) return nextResolve(specifier, context)
    throw Object.assign(new Error(`Cannot find package '${specifier}' imported from ${context.parentURL}`), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
  },
})
