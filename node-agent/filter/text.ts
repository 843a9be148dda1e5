const WORD = /[\p{L}\p{N}]+/gu;

/** Lower-cased words of a text: runs of letters and digits. */
export function tokens(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

/** True when `words` stand in `text` one after the other. */
export function hasPhrase(text: string[], words: string[]): boolean {
  if (words.length === 0) return false;
  for (let start = 0; start + words.length <= text.length; start++) {
    if (words.every((word, i) => text[start + i] === word)) return true;
  }
  return false;
}
