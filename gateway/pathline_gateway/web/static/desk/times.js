// When a row says that it happened, as pathline/cli/times.py reads it: an instant, or a day in the desk's time zone.
export class WrongTime extends Error {}

const ISO = /^(\d{4})([-/.])(\d\d?)\2(\d\d?)(?:[T ][ \t]*(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?[ \t]*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/i;
const SLASHED = /^(\d\d?)([/.-])(\d\d?)\2(\d{4})$/;
const DAY_MS = 86_400_000;
const formats = new Map();

/** { day, time, precision, at } of a text: `time` as it is sent, `at` as ids are made of it. Throws WrongTime. */
export function parseTime(text, zone, dayFirst) {
  const iso = ISO.exec(text), slashed = SLASHED.exec(text);
  if (!iso && !slashed) throw new WrongTime("the date is none that can be read");
  const [year, month, day] = (iso ? [iso[1], iso[3], iso[4]] : dayFirst ? [slashed[4], slashed[3], slashed[1]] : [slashed[4], slashed[1], slashed[3]]).map(Number);
  const [, , , , , hour, minute, second, fraction, offset] = iso ?? [];
  const hasClock = hour !== undefined;
  const local = wall(year, month, day, Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0));
  const micros = (fraction ?? "").slice(0, 6).padEnd(6, "0");
  const seconds = offset === undefined ? localize(local, zone, hasClock) : { at: local - parseOffset(offset) * 1000, offset: parseOffset(offset) };
  const utcYear = new Date(seconds.at).getUTCFullYear();
  if (utcYear < 1 || utcYear > 9999) throw new WrongTime("the time must lie between the years 1 and 9999 of UTC");
  const shownDay = new Date(local).toISOString().slice(0, 10);
  return {
    day: shownDay,
    time: written(seconds, micros),
    precision: hasClock ? null : "day",
    at: hasClock ? `${new Date(seconds.at).toISOString().slice(0, 19)}.${micros}Z` : shownDay,
  };
}

/** The wall clock's reading as milliseconds, as if it hung in UTC. */
function wall(year, month, day, hour, minute, second) {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const shown = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  if (year < 1 || shown.join() !== [year, month, day, hour, minute, second].join()) throw new WrongTime("the date names a day or an hour that does not exist");
  return date.getTime();
}

/** Of an hour that the clocks repeat the first; one that they skip is refused, and a day then begins when they go on. */
function localize(local, zone, hasClock) {
  const around = [offsetAt(local - DAY_MS, zone), offsetAt(local + DAY_MS, zone)];
  const meant = around.map((offset) => ({ at: local - offset * 1000, offset })).filter(({ at, offset }) => offsetAt(at, zone) === offset);
  if (meant.length) return meant.reduce((first, each) => (each.at < first.at ? each : first));
  if (hasClock) throw new WrongTime("the time names an hour that the clocks skipped");
  const at = local - around[0] * 1000, offset = offsetAt(at, zone);
  if (Math.floor((at + offset * 1000) / DAY_MS) !== Math.floor(local / DAY_MS)) throw new WrongTime("the date names a day that the clocks skipped");
  return { at, offset };
}

/** Seconds that the clocks of this zone are ahead of UTC at this instant. */
export function offsetAt(instant, zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }));
  const name = formats.get(zone).formatToParts(new Date(instant)).find((part) => part.type === "timeZoneName").value;
  const match = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name);
  if (match === null) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0));
}

function parseOffset(text) {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  if (match === null) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60;
  if (seconds >= 86_400) throw new WrongTime("the time has an offset of a day or more");
  return match[1] === "-" ? -seconds : seconds;
}

/** RFC 3339 in the offset that was meant; offsets of old times have seconds, which it cannot say. */
function written({ at, offset }, micros) {
  const said = offset % 60 ? 0 : offset;
  const fraction = micros === "000000" ? "" : `.${micros}`;
  const clock = `${new Date(at + said * 1000).toISOString().slice(0, 19)}${fraction}`;
  if (said === 0) return `${clock}Z`;
  const minutes = Math.abs(said) / 60;
  const two = (number) => String(number).padStart(2, "0");
  return `${clock}${said < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
