import type { Place } from './problems.ts';

/** One `@name text` of a doc comment. */
export interface DocTag {
  name: string;
  text: string;
  place: Place;
}

/** A doc comment taken apart: the text before the first tag, and the tags in their order. */
export interface Doc {
  description: string;
  tags: DocTag[];
}

/** Tags whose text is free, so that an `@` inside it starts no other tag: they own their line and what follows it. */
const FREE_TEXT_TAGS = new Set(['rule', 'printColumn', 'condition']);

/**
 * Takes one doc comment apart. TypeScript's own tag parser is not used for the text because it reads braces as types and
 * stars and backslashes as markup, while ours holds JSON, CEL and regular expressions.
 *
 * @param comment the comment as it stands in the source, with its delimiters
 * @param start where the comment begins
 */
export function parseDoc(comment: string, start: Place): Doc {
  const description: string[] = [];
  const tags: DocTag[] = [];
  for (const [index, line] of bareLines(comment).entries()) {
    const place = { file: start.file, line: start.line + index };
    const { before, found } = splitLine(line, place);
    const last = tags.at(-1);
    if (last === undefined) description.push(before);
    else if (before !== '') last.text = `${last.text} ${before}`.trim();
    tags.push(...found);
  }
  return { description: joinParagraphs(description), tags };
}

/** The lines of a comment without delimiters, leading stars and outer spaces. */
function bareLines(comment: string): string[] {
  const inner = comment.replace(/^\/\*\*/, '').replace(/\*\/$/, '');
  return inner.split('\n').map((line, index) => (index === 0 ? line : line.replace(/^\s*\*(?: |$)?/, '')).trim());
}

function splitLine(line: string, place: Place): { before: string; found: DocTag[] } {
  const found: DocTag[] = [];
  let before: string | undefined;
  let rest = line;
  while (rest !== '') {
    const match = /(?:^|\s)@([A-Za-z]+)(?=\s|$)/.exec(rest);
    const text = (match === null ? rest : rest.slice(0, match.index)).trim();
    const last = found.at(-1);
    if (last === undefined) before = text;
    else last.text = text;
    if (match === null) break;
    const name = match[1] ?? '';
    rest = rest.slice(match.index + match[0].length);
    found.push({ name, text: '', place });
    if (FREE_TEXT_TAGS.has(name)) {
      found[found.length - 1] = { name, text: rest.trim(), place };
      break;
    }
  }
  return { before: before ?? '', found };
}

/** Lines of one paragraph become one line; an empty line separates paragraphs. */
function joinParagraphs(lines: string[]): string {
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.split('\n').join(' ').trim())
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}
