const PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?$/;

/** Microseconds since the epoch of an RFC 3339 datetime, or of its short forms (date alone, no seconds, no zone = UTC); null for anything else. */
export function parseDatetime(text: string): number | null {
  const found = PATTERN.exec(text);
  if (found === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = found;
  const milliseconds = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +second);
  const date = new Date(milliseconds);
  // Date.UTC carries 31 April over to May: such a date is none.
  const valid =
    date.getUTCMonth() === +month! - 1 && date.getUTCDate() === +day! && +hour < 24 && +minute < 60 && +second < 60;
  if (!valid) return null;
  return (milliseconds - zoneMinutes(zone) * 60_000) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function zoneMinutes(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2)));
}
