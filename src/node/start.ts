import { createApp } from '../app.ts'
import type { BootstrapResult } from '../bootstrap.ts'
import type { Settings } from '../config/settings.ts'
import type { Services } from '../services.ts'
import { createCloser } from './closer.ts'
import { type HttpServer, listen } from './http-server.ts'
import { type StartOptions, startServices } from './start-services.ts'

export type RunningService = {
  readonly services: Services
  readonly port: number
  /** What was created, if this was the database's first start. */
  readonly firstStart: BootstrapResult | undefined
  /**
   * Makes `/readyz` answer 503 at once and keeps serving, new connections too. Resolves after MINTAGE_DRAIN_TIME, or at
   * another call.
   */
  drain(): Promise<void>
  /** Finishes the requests in progress, at most until the deadline, then closes everything. */
  stop(deadlineMilliseconds?: number): Promise<void>
}

/**
 * Starts the whole service: everything of `startServices`, and HTTP.
 * @throws Error with a message for the operator. Nothing stays open then.
 */
export async function startService(settings: Settings, options: StartOptions): Promise<RunningService> {
  const opened = createCloser()
  try {
    const running = await startServices(settings, options)
    opened.add(() => running.stop())
    const { services, firstStart } = running
    if (settings.metricsPort !== null) {
      const metricsServer = await listenForScrapers(settings.metricsPort, settings.host, services)
      opened.add(() => metricsServer.stop(0))
    }
    const app = createApp(() => services)
    const server = await listen({
      fetch: (request, env) => app.fetch(request, Object(env)),
      port: settings.port,
      host: settings.host,
      isDraining: services.stopping,
    })
    opened.add((deadlineMilliseconds) => server.stop(deadlineMilliseconds))
    return {
      services,
      port: server.port,
      firstStart,
      drain: () => running.drain(),
      async stop(deadlineMilliseconds) {
        void running.drain()
        await opened.close(deadlineMilliseconds)
      },
    }
  } catch (error) {
    await opened.close(0).catch(() => {})
    throw error
  }
}

/** Serves the metrics on a separate port, so that the operator decides who can reach it. */
async function listenForScrapers(port: number, host: string, { metrics }: Services): Promise<HttpServer> {
  return await listen({
    port,
    host,
    async fetch(request) {
      if (new URL(request.url).pathname !== '/metrics' || !metrics.render)
        return new Response('not found\n', { status: 404 })
      const { contentType, text } = await metrics.render()
      return new Response(text, { headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' } })
    },
  })
}
