// A row of the spreadsheet becomes an event; the same row becomes the same event, in this file or another, so that
// nothing is stored twice. Ids are keyed: nobody else can try out numbers against them.
import { base64url, mac, subject } from "./pseudonym.js";

const utf8 = new TextEncoder();
const CHANNELS = ["web", "phone", "in-person", "message", "video", "social-media", "letter", "app", "outreach", "partner"];

export class Wrong extends Error {}

/** year-month-day of `2026-03-31`, or of `31/3/2026` in the order that was chosen. */
export function day(text, dayFirst) {
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:$|[T ])/.exec(text);
  const other = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/.exec(text);
  let y, m, d;
  if (iso) [, y, m, d] = iso.map(Number);
  else if (other) [y, m, d] = dayFirst ? [other[3], other[2], other[1]].map(Number) : [other[3], other[1], other[2]].map(Number);
  else throw new Wrong("the date is none that can be read");
  const at = new Date(Date.UTC(y, m - 1, d));
  if (y < 1900 || at.getUTCMonth() !== m - 1 || at.getUTCDate() !== d) throw new Wrong("there is no such day");
  return at.toISOString().slice(0, 10);
}

/** The offset of this zone at the beginning of this day, as +11:00. */
export function offset(date, zone) {
  const at = (instant) => {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(instant);
    return parts.find((part) => part.type === "timeZoneName").value.slice(3) || "+00:00";
  };
  const first = at(new Date(`${date}T00:00:00Z`));
  return at(new Date(`${date}T00:00:00${first}`));
}

function code(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64).replace(/-+$/, "");
}

function said(row, columns) {
  const cell = (name) => (columns[name] === "" ? "" : (row.cells[Number(columns[name])] ?? "").trim());
  const data = {};
  if (cell("service")) data.service = code(cell("service"));
  if (cell("channel")) {
    data.channel = code(cell("channel"));
    if (!CHANNELS.includes(data.channel)) throw new Wrong("the channel is none of: " + CHANNELS.join(", "));
  }
  if (cell("activity")) data.activity = cell("activity").slice(0, 200);
  return { data, client: cell("client"), date: cell("date") };
}

/** Makes the events of one file. `seen` counts rows that say the same, so that each is an event of its own. */
export function maker({ source, zone, key, columns, dayFirst }) {
  const seen = new Map();
  return async (row) => {
    const { data, client, date } = said(row, columns);
    const who = await subject(key.derived, key.epoch, client);
    if (who === null) throw new Wrong("the client's number is missing");
    if (!date) throw new Wrong("the date is missing");
    const on = day(date, dayFirst);
    const type = `org.pathline.${data.activity ? "activity.recorded" : "service.delivered"}.v1`;
    const content = JSON.stringify([who, type, on, data.service ?? "", data.activity ?? "", data.channel ?? ""]);
    const nth = (seen.get(content) ?? 0) + 1;
    seen.set(content, nth);
    const mark = await mac(key.derived, utf8.encode(`pathline desk row\0${nth}\0${content}`));
    return {
      specversion: "1.0",
      id: `sheet-${base64url(mark.slice(0, 16))}`,
      source,
      type,
      subject: who,
      time: `${on}T00:00:00${offset(on, zone)}`,
      datacontenttype: "application/json",
      data: { ...data, precision: "day", actor: "staff" },
    };
  };
}
