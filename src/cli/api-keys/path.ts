/** For the examples in help. */
export const exampleKey = 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f'

/** The admin API's path of a key; `rest` begins with a slash. */
export function apiKeyPath(id: string, rest = ''): string {
  return `/v1/api-keys/${encodeURIComponent(id)}${rest}`
}
