import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listen } from '../../src/node/http-server.ts'
import { releaseAfterFile } from './cleanup.ts'
import { movableClock } from './clock.ts'
import { temporaryFolder } from './service-process.ts'
import { startTestService, type TestService } from './test-service.ts'

/** Serves over HTTP on a free loopback port until the test file ends. Returns the URL. */
export async function serve(service: Pick<TestService, 'app'>): Promise<string> {
  const server = await listen({
    fetch: (request, env) => service.app.fetch(request, Object(env)),
    port: 0,
    host: '127.0.0.1',
  })
  releaseAfterFile(() => server.stop(0))
  return `http://127.0.0.1:${server.port}`
}

/** A service, and the environment with which commands find it and its root key. */
export async function serveToRoot(): Promise<{ service: TestService; env: Record<string, string> }> {
  const service = await startTestService()
  return { service, env: { MINTAGE_URL: await serve(service), MINTAGE_API_KEY: service.rootKey } }
}

/** A service, and the folder in which commands find it. */
export async function serveFromFolder(): Promise<{ service: TestService; url: string; folder: string }> {
  const service = await startTestService()
  const url = await serve(service)
  return { service, url, folder: await folderOfFirstStart(service, url) }
}

/** A folder as a first start leaves it: the CLI finds the service and its keys there. */
export async function folderOfFirstStart(service: TestService, url: string): Promise<string> {
  const { rootKey: rootApiKey, testKey: apiKey, organizationId } = service
  const folder = await temporaryFolder()
  await writeCredentials(folder, { url, rootApiKey, apiKey, organizationId })
  return folder
}

/** Writes a text unchanged, anything else as JSON. */
export async function writeCredentials(folder: string, content: unknown, mode = 0o600): Promise<string> {
  const path = join(folder, '.mintage/credentials.json')
  await mkdir(join(folder, '.mintage'), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  await chmod(path, mode)
  return path
}

/** A service that listens at its issuer's URL, as clients that read the metadata need it. Its clock starts now. */
export async function serveAtIssuer(): Promise<{ service: TestService; url: string }> {
  let answer = (_: Request, __: unknown): Response | Promise<Response> => new Response(null, { status: 503 })
  const server = await listen({ fetch: (request, env) => answer(request, env), port: 0, host: '127.0.0.1' })
  releaseAfterFile(() => server.stop(0))
  const url = `http://127.0.0.1:${server.port}`
  const env = { MINTAGE_ISSUER: url, MINTAGE_ALLOW_HTTP: 'true' }
  const service = await startTestService('embedded', { env, clock: movableClock(new Date()) })
  answer = (request, bindings) => service.app.fetch(request, Object(bindings))
  return { service, url }
}
