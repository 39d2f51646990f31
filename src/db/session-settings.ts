/**
 * What this project relies on in every session. A role, a database or a server may set something else, for example a
 * `DateStyle` that swaps day and month.
 */
export const sessionSettings = {
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
} as const

/** The ones that a transaction pooler keeps for each client when it gets them at the start. It refuses others. */
export const pooledSettings = {
  DateStyle: sessionSettings.DateStyle,
  TimeZone: sessionSettings.TimeZone,
  standard_conforming_strings: sessionSettings.standard_conforming_strings,
} as const

/** One statement for each setting. With `local` it ends with the transaction. */
export function setStatements(
  settings: Readonly<Record<string, string | number>>,
  scope: 'local' | 'session',
): string[] {
  return Object.entries(settings).map(([name, value]) => `set ${scope} ${name} = '${value}'`)
}

/** Why dates of a server cannot be read, once it reports its style; undefined if they can. */
export function unreadableDates(parameter: string, value: string): string | undefined {
  return parameter === 'DateStyle' && !value.startsWith('ISO')
    ? `the server writes dates as “${value}”, and the pooler before it ignores what a client asks for: set DateStyle to ISO for the role`
    : undefined
}
