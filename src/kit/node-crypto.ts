/** node:crypto, if the runtime has it. Looked up at run time, so that bundlers for other runtimes see no import. */
export const nodeCrypto = loadNodeCrypto()

function loadNodeCrypto() {
  if (typeof process !== 'object' || typeof process.getBuiltinModule !== 'function') return undefined
  return process.getBuiltinModule('node:crypto')
}
