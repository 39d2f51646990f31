import { z } from '@hono/zod-openapi'
import { looksLikeApiKey } from '../../api-keys/format.ts'

// Schemas that many admin routes share. Their messages reach the caller, so they never repeat what the caller sent.

/**
 * New text for people, such as a name: `storedText` that looks like what it is. Not for a filter, which must find text
 * from before this rule.
 */
export function text(longest: number, shortest = 1) {
  return storedText(longest, shortest)
    .refine((value) => !hidden.test(value), 'must not contain invisible or direction-changing characters')
    .refine(
      (value) => shortest === 0 || /[^\s\p{Default_Ignorable_Code_Point}\u2800]/u.test(value),
      'must contain a visible character',
    )
    .refine((value) => !looksLikeApiKey(value), 'must not look like an API key: never store a secret here')
}

/**
 * Joiners and variation selectors are not in it: Persian, Hindi and emoji need them. `\p{Bidi_Control}` changes the
 * direction of what follows; tags spell a text that nobody sees.
 */
const hidden =
  /[\p{Bidi_Control}\u00ad\u115f\u1160\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/u

/**
 * Text that can be stored: bounded, well-formed Unicode, without control characters. PostgreSQL does not store NUL, and
 * terminals obey the other control characters.
 */
export function storedText(longest: number, shortest = 1) {
  return z
    .string()
    .min(shortest)
    .max(longest)
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      'must not contain control characters or unpaired surrogates',
    )
}

/** One word of visible ASCII, such as a scope, an audience or an id. */
export function word(longest: number) {
  return z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces')
}

/** Names of built-in or custom roles. Whether the roles exist is checked where they are granted. */
export const roleNames = z
  .array(word(50))
  .max(20)
  .openapi({ example: ['developer'] })

/** A time in a request: RFC 3339 with an offset, in the years 1 to 9999, because PostgreSQL has no year 0. */
export const instantInput = z.iso
  .datetime({ offset: true })
  .max(40)
  .openapi({ format: 'date-time', example: '2027-01-01T00:00:00Z' })
  .transform((value) => new Date(value))
  .refine((value) => value.getUTCFullYear() >= 1 && value.getUTCFullYear() <= 9999, 'must be in the years 1 to 9999')

/** A time in a response. */
export const instant = z.string().openapi({ format: 'date-time', example: '2026-11-02T08:30:00.000Z' })

/** Any word: an id that this service did not create is not found. */
export const idParam = z.object({ id: word(128).openapi({ param: { name: 'id', in: 'path' } }) })

/** Unknown parameters are refused: otherwise a misspelled filter would silently match everything. */
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(200))
    .default(50)
    .openapi({ param: { name: 'limit', in: 'query' }, type: 'integer', minimum: 1, maximum: 200, default: 50 }),
  cursor: word(128)
    .optional()
    .openapi({ param: { name: 'cursor', in: 'query' }, description: 'nextCursor of the previous page' }),
})

/** `true` or `false` in a query. */
export const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .optional()
  .openapi({ type: 'boolean' })
