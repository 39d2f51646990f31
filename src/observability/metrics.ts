/** What the service counts. Node renders it for Prometheus (prometheus.ts); Workers keep nothing. */
export type Metrics = {
  request(route: string, method: string, status: number, seconds: number): void
  /** `result` is `issued` or the private reason of a refusal, from a closed set. */
  exchange(result: string): void
  /** Everything counted so far, for a scraper; undefined where nothing is kept. */
  render?(): Promise<{ contentType: string; text: string }>
}

/** Keeps nothing. */
export const noMetrics: Metrics = { request() {}, exchange() {} }
