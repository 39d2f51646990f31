/**
 * Replaces control characters, format characters, line separators and lone surrogates. Use it for text from strangers:
 * a terminal obeys control characters, and PostgreSQL does not store NUL.
 */
export function printableText(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}
