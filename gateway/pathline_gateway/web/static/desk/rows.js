// A row of the spreadsheet becomes an event, as `pathline import` makes it: the same row is the same event, whoever
// sends it. Its id is keyed (contracts/pathline/rows/row_id.py): nobody else can try out numbers against it.
import { canonicalIdentifier, classifyNoValue, strip, WrongIdentifier } from "./identifier.js";
import { base64url, mac, tag } from "./pseudonym.js";
import { BIRTH, CHANNELS, MAX_ACTIVITY_CHARACTERS, MAX_CODE_CHARACTERS, OLD_DAYS, PLACE_DIGITS } from "./row_rules.js";
import { makeCode } from "./service_code.js";
import { parseTime, WrongTime } from "./times.js";

const utf8 = new TextEncoder();
const BIRTH_HEADING = new RegExp(BIRTH, "i");

export class Wrong extends Error {}

/** Whether the column says when somebody was born, which is never when something happened. */
export function isBirthDate(heading) {
  return BIRTH_HEADING.test(heading);
}

/** Whether this day is older than two years, or lies ahead. */
export function isUnusualDay(day, today) {
  return day > today || (Date.parse(today) - Date.parse(day)) / 86_400_000 > OLD_DAYS;
}

function said(cell, columns) {
  const data = {};
  const word = (name) => (columns[name] === "" || classifyNoValue(cell(name)) === "nothing" ? "" : cell(name));
  if (word("service")) {
    data.service = makeCode(word("service"));
    if (!data.service) throw new Wrong(`the service has a letter that no code can keep, or over ${MAX_CODE_CHARACTERS} of them`);
  }
  if (word("channel")) {
    data.channel = makeCode(word("channel"));
    if (!CHANNELS.includes(data.channel)) throw new Wrong("the channel is none of: " + CHANNELS.join(", "));
  }
  if (columns.activity !== "") {
    data.activity = word("activity");
    if (!data.activity) throw new Wrong("the activity is missing");
    if ([...data.activity].length > MAX_ACTIVITY_CHARACTERS) throw new Wrong(`the activity has over ${MAX_ACTIVITY_CHARACTERS} letters`);
  }
  return data;
}

/** Makes the events of one file, row by row. `confirmed`: texts that look like no value, and are somebody's number. */
export function maker({ source, zone, key, columns, dayFirst, confirmed = [] }) {
  const places = new Map();
  return async (row) => {
    const cell = (name) => (columns[name] === "" ? "" : strip(row.cells[Number(columns[name])] ?? ""));
    try {
      const client = canonicalIdentifier(cell("client"), confirmed.includes(cell("client")));
      if (!cell("date")) throw new Wrong("the date is missing");
      const { time, precision, at, day } = parseTime(cell("date"), zone, dayFirst);
      const type = `org.pathline.${columns.activity === "" ? "service.delivered" : "activity.recorded"}.v1`;
      const group = base64url((await mac(key.rows, utf8.encode(`${type}\0${client}\0${at}`))).slice(0, 16));
      const place = (places.get(group) ?? 0) + 1;
      // A row that is refused for what follows has its place all the same: mended, it does not move the others.
      places.set(group, place);
      const data = { ...(precision && { precision }), ...said(cell, columns) };
      const event = {
        specversion: "1.0",
        id: `row-${group}-${String(place).padStart(PLACE_DIGITS, "0")}`,
        source,
        type,
        subject: await tag(key.derived, key.epoch, client),
        time,
        datacontenttype: "application/json",
        data,
      };
      return { event, day };
    } catch (failed) {
      if (failed instanceof WrongTime || failed instanceof WrongIdentifier) throw new Wrong(failed.message, { cause: failed });
      throw failed;
    }
  };
}
