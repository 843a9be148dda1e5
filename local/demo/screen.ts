const CLEAR_LINE = '\r\x1b[K';
/** Without a terminal a progress line is printed this often at most, milliseconds. */
const PLAIN_EVERY_MS = 5_000;
const BAR_CHARACTERS = 28;
const STEP_CHARACTERS = 44;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Where the demo writes: one line a step with its time, and below it a live line on a terminal. */
export class Screen {
  private readonly out: NodeJS.WriteStream;
  private live = '';
  private lastPlain = 0;

  constructor(out: NodeJS.WriteStream) {
    this.out = out;
  }

  line(text = ''): void {
    this.clear();
    this.out.write(`${text}\n`);
  }

  /** Runs a step: `what … result (time)`. The step may show what it waits for. */
  async step<T>(
    what: string,
    work: (waiting: (text: string) => void) => Promise<T>,
    result?: (value: T) => string,
  ): Promise<T> {
    const begun = Date.now();
    const value = await work((text) => this.show(`${what}: ${text}`));
    const said = result === undefined ? 'done' : result(value);
    this.line(`${what.padEnd(STEP_CHARACTERS, ' ')} ${said} (${seconds(Date.now() - begun)})`);
    return value;
  }

  /** A bar with rate and time left; plain lines now and then when this is no terminal. */
  progress(what: string, done: number, total: number, begun: number): void {
    const elapsed = Math.max(1, Date.now() - begun);
    const rate = (done * 1000) / elapsed;
    const left = rate > 0 ? `${Math.ceil((total - done) / rate)} s left` : '';
    const filled = Math.round((BAR_CHARACTERS * done) / total);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CHARACTERS - filled)}`;
    const numbers = `${done.toLocaleString('en')}/${total.toLocaleString('en')} ${Math.round(rate).toLocaleString('en')}/s ${left}`;
    this.show(this.out.isTTY ? `${what} ${bar} ${numbers}` : `${what}: ${numbers}`);
  }

  /** Replaces the live line. */
  show(text: string): void {
    if (!this.out.isTTY) {
      if (Date.now() - this.lastPlain < PLAIN_EVERY_MS || text === this.live) return;
      this.lastPlain = Date.now();
      this.live = text;
      this.out.write(`${text}\n`);
      return;
    }
    if (text === this.live) return;
    this.live = text;
    this.out.write(`${CLEAR_LINE}${text.slice(0, (this.out.columns || 120) - 1)}`);
  }

  private clear(): void {
    if (this.out.isTTY && this.live !== '') this.out.write(CLEAR_LINE);
    this.live = '';
  }
}

/** A table of plain text, columns aligned. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const print = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0, ' '))
      .join('   ')
      .trimEnd();
  return [print(header), ...rows.map(print)];
}
