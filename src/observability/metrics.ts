/** What the service counts. Node renders it for Prometheus; on Workers nothing is kept. */
export type Metrics = {
  request(route: string, method: string, status: number, seconds: number): void
  /** `result` is `issued` or the private reason of a refusal, from a closed set. */
  exchange(result: string): void
}
