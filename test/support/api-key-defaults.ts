/** The settings of a key for which nothing was chosen. A new setting goes in here, and tests of defaults know it. */
export const defaultSettings = {
  description: '',
  scopes: [],
  audiences: [],
  roles: [],
  subject: null,
  tokenAlgorithm: null,
  customClaims: null,
  allowedCidrs: [],
  deniedCidrs: [],
  requestsPerMinute: null,
  rotateEverySeconds: null,
  labels: [],
  serviceAccountId: null,
  expiresAt: null,
}
