import { once } from 'node:events'
import { createServer } from 'node:net'

type Variables = Readonly<Record<string, string | undefined>>

/**
 * With PORT=0 and no issuer, picks a free port before the configuration is read: the default issuer names the port, and
 * tokens name the issuer. Another process can take the port before this one listens; then the start fails.
 */
export async function withFreePort(env: Variables): Promise<Variables> {
  if (env.PORT !== '0' || env.MINTAGE_ISSUER) return env
  const server = createServer().listen(0, env.HOST || '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return { ...env, PORT: String(Object(address).port) }
}
