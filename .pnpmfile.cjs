// Before a script runs, pnpm compares every `engines` with the Node that pnpm itself runs on, whatever `nodeVersion` of
// pnpm-workspace.yaml says, and warns once per package. Scripts run on the Node that package.json pins, so the warning is not true here.
module.exports = {
  hooks: {
    filterLog: ({ level, message }) => !(level === 'warn' && String(message).startsWith('Unsupported engine')),
  },
}
