const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** A duration in kubectl's short words: two units while small, one when large. */
export function humanDuration(milliseconds: number): string {
  if (milliseconds < -SECOND) return '<invalid>';
  if (milliseconds < 0) return '0s';
  const whole = (unit: number): number => Math.floor(milliseconds / unit);
  const pair = (big: number, bigName: string, small: number, smallName: string): string => {
    const rest = Math.floor((milliseconds % big) / small);
    return rest === 0 ? `${whole(big)}${bigName}` : `${whole(big)}${bigName}${rest}${smallName}`;
  };
  if (milliseconds < 2 * MINUTE) return `${whole(SECOND)}s`;
  if (milliseconds < 10 * MINUTE) return pair(MINUTE, 'm', SECOND, 's');
  if (milliseconds < 3 * HOUR) return `${whole(MINUTE)}m`;
  if (milliseconds < 8 * HOUR) return pair(HOUR, 'h', MINUTE, 'm');
  if (milliseconds < 2 * DAY) return `${whole(HOUR)}h`;
  if (milliseconds < 8 * DAY) return pair(DAY, 'd', HOUR, 'h');
  if (milliseconds < 2 * YEAR) return `${whole(DAY)}d`;
  if (milliseconds < 8 * YEAR) return pair(YEAR, 'y', DAY, 'd');
  return `${whole(YEAR)}y`;
}

/** The age of something that began at an RFC 3339 time, as a table cell. */
export function ageCell(since: string | undefined, now: number): string {
  const then = Date.parse(since ?? '');
  return Number.isNaN(then) ? '<unknown>' : humanDuration(now - then);
}
