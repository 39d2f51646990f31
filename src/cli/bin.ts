#!/usr/bin/env node
// The program `mintage` of the installed package. No static import: an old Node.js would fail in the first module, with
// an error that does not say why.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > 22 || (major === 22 && minor >= 12)) {
  await import('./main.ts')
} else {
  process.stderr.write(
    `error: this is Node.js ${process.versions.node}, and 22.12 or newer is needed\nhint: install a newer Node.js from https://nodejs.org\n`,
  )
  process.exitCode = 1
}
