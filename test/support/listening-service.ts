import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listen } from '../../src/node/http-server.ts'
import { releaseAfterFile } from './cleanup.ts'
import { temporaryFolder } from './service-process.ts'
import { startTestService, type TestService } from './test-service.ts'

/** The service behind the real HTTP server on a free loopback port until the test file ends; gives its URL. */
export async function serve(service: TestService): Promise<string> {
  const server = await listen({
    fetch: (request, env) => service.app.fetch(request, Object(env)),
    port: 0,
    host: '127.0.0.1',
  })
  releaseAfterFile(() => server.stop(0))
  return `http://127.0.0.1:${server.port}`
}

/** A service that commands find by their environment, with its root key. */
export async function serveToRoot(): Promise<{ service: TestService; env: Record<string, string> }> {
  const service = await startTestService()
  return { service, env: { MINTAGE_URL: await serve(service), MINTAGE_API_KEY: service.rootKey } }
}

/** A service that commands find from the folder of its first start. */
export async function serveFromFolder(): Promise<{ service: TestService; url: string; folder: string }> {
  const service = await startTestService()
  const url = await serve(service)
  return { service, url, folder: await folderOfFirstStart(service, url) }
}

/** A folder as the service's first start leaves it: the CLI finds the service and its keys there. */
export async function folderOfFirstStart(service: TestService, url: string): Promise<string> {
  const { rootKey: rootApiKey, testKey: apiKey, organizationId } = service
  const folder = await temporaryFolder()
  await writeCredentials(folder, { url, rootApiKey, apiKey, organizationId })
  return folder
}

/** Text goes into the file as it stands. */
export async function writeCredentials(folder: string, content: unknown, mode = 0o600): Promise<string> {
  const path = join(folder, '.mintage/credentials.json')
  await mkdir(join(folder, '.mintage'), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  await chmod(path, mode)
  return path
}
