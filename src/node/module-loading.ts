import nodeModule from 'node:module'

/**
 * From here on the modules of drizzle-orm find each other without Node's search. For each module that a package loads, Node reads the
 * package's manifest anew, which is large there: that took a third of a start and left 150 MB of garbage. Whatever uses the database must be
 * imported after this call, so by `import()`. Does nothing where Node has no hooks (before 22.15), and nothing to any other package.
 */
export function quickenDrizzle(): void {
  nodeModule.registerHooks?.({
    resolve(specifier, context, nextResolve) {
      const own =
        /^\.\.?\/.*\.js$/.test(specifier) && context.parentURL?.includes('/node_modules/drizzle-orm/') === true
      if (!own || context.conditions.includes('require')) return nextResolve(specifier, context)
      return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true }
    },
  })
}
