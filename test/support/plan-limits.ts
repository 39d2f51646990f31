/** The smallest limits of a custom plan. A test spreads them and changes the one that it is about. */
export const smallestLimits = {
  requestsPerMinute: 1,
  requestsPerMonth: 1,
  apiKeys: 1,
  defaultOverlapSeconds: 0,
  maxOverlapSeconds: 0,
}
