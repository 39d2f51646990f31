/** How many addresses and agents of a version are remembered. */
export const remembered = 5

/** Agents are cut to this many characters; an address has at most 45. */
const longest = 256

/** Most keys are used from the same place every time. Then nothing is allocated. */
export function withNewest(list: readonly string[], value: string | null): readonly string[] {
  if (value === null || value === '') return list
  const bounded = value.length > longest ? value.slice(0, longest) : value
  return list[0] === bounded ? list : lastFew([bounded, ...list])
}

export function lastFew(values: readonly string[]): readonly string[] {
  return [...new Set(values)].slice(0, remembered)
}
