// The page of the spreadsheet: file, columns, preview, what somebody has to confirm, sending in batches, result by line.
import { classifyNoValue, looksLikeName, strip } from "./identifier.js";
import { keyField, kept } from "./key.js";
import { isBirthDate, isUnusualDay, maker, Wrong } from "./rows.js";
import { decode, readTable } from "./sheet_reader.js";
import { offsetAt } from "./times.js";

const BATCH = 500;
const SHOWN = 5;
// What is asked for, which headings may be it, which are not, and whether it must be there.
const ASKED = [
  ["client", "Client number", /client|customer|patient|person|member|participant|\bcase\b|^(number|no\.?|id)$/i, /phone|mobile|tel|fax|house|post|zip|account|name|mail/i, true],
  ["date", "Date", /date|\bday\b|when|\btime\b/i, /updat/i, true],
  ["service", "Service", /service|program/i, /date|\bid\b/i, false],
  ["activity", "Activity", /activity|what|event/i, /date|\bid\b/i, false],
  ["channel", "Channel", /channel|how/i, /how (long|many|much|old)|show/i, false],
];
const at = (id) => document.getElementById(id);
const element = (name, said = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), said);
  made.append(...inside);
  return made;
};

/** The heading that may be meant: none where two may be, and never a day of birth. */
export function guess(headings, like, unlike) {
  const fits = headings.map((heading, n) => n).filter((n) => like.test(headings[n]) && !unlike.test(headings[n]) && !isBirthDate(headings[n]));
  return fits.length === 1 ? fits[0] : -1;
}

function columnsForm(headings, changed) {
  const taken = new Set();
  const fields = ASKED.map(([name, label, like, unlike, required]) => {
    let chosen = guess(headings, like, unlike);
    if (taken.has(chosen)) chosen = -1;
    taken.add(chosen);
    const select = element("select", { id: `column-${name}`, required });
    select.append(element("option", { value: "", textContent: required ? "choose" : "none" }));
    headings.forEach((heading, n) => {
      const disabled = name === "date" && isBirthDate(heading);
      select.append(element("option", { value: n, textContent: heading || `column ${n + 1}`, selected: n === chosen, disabled }));
    });
    return element("div", { className: "field" }, element("label", { htmlFor: select.id, textContent: label }), select);
  });
  const order = element("select", { id: "order" });
  order.append(element("option", { value: "day", textContent: "day first, 31/12/2026" }), element("option", { value: "month", textContent: "month first, 12/31/2026" }));
  fields.push(element("div", { className: "field" }, element("label", { htmlFor: "order", textContent: "Dates with slashes" }), order));
  at("columns").replaceChildren(...fields);
  at("columns").hidden = false;
  at("columns").onchange = changed;
}

function wrong(text) {
  at("sheet-wrong").textContent = text;
  at("sheet-wrong").hidden = !text;
}

function chosenColumns() {
  return Object.fromEntries(ASKED.map(([name]) => [name, at(`column-${name}`).value]));
}

async function made({ rows, refused: unreadable }, box, confirmed) {
  const { org, source, zone } = box.dataset;
  const make = maker({ source, zone, key: kept(org), columns: chosenColumns(), dayFirst: at("order").value === "day", confirmed });
  const events = [], refused = [...unreadable];
  for (const row of rows) {
    try {
      events.push({ line: row.line, ...(await make(row)) });
    } catch (failed) {
      if (!(failed instanceof Wrong)) throw failed;
      refused.push({ line: row.line, detail: failed.message });
    }
  }
  return { events, refused: refused.sort((one, other) => one.line - other.line) };
}

let ticks = 0;
function tick(text, checked, changed) {
  const input = element("input", { id: `tick-${ticks += 1}`, type: "checkbox", checked, onchange: () => changed(input.checked) });
  return element("div", { className: "tick" }, input, element("label", { htmlFor: input.id, textContent: text }));
}

/** What somebody has to look at before anything is sent: texts that may be no number, names, and unusual days. */
function questions(table, { events }, zone, confirmed, show) {
  const clients = table.rows.map((row) => strip(row.cells[Number(chosenColumns().client)] ?? ""));
  const suspects = [...new Set(clients.filter((text) => text && ["uncertain", "nothing"].includes(classifyNoValue(text))))];
  const words = [...confirmed, ...suspects.filter((word) => !confirmed.includes(word)).slice(0, SHOWN)];
  const asked = words.map((word) => tick(`“${word}” is the number of a client, and does not mean that there is none`, confirmed.includes(word), (yes) =>
    show(yes ? [...confirmed, word] : confirmed.filter((each) => each !== word))));
  if (clients.some(looksLikeName)) asked.push(element("p", { className: "state look", textContent: "The client numbers look like names. Two people may have one name, and would become one person: choose a column with numbers." }));
  const days = events.map((each) => each.day).sort();
  const now = Date.now(), today = new Date(now + offsetAt(now, zone) * 1000).toISOString().slice(0, 10);
  const unusual = days.filter((day) => isUnusualDay(day, today)).length;
  if (days.length) asked.push(element("p", { id: "days", textContent: `The oldest day is ${days[0]}, the newest ${days.at(-1)}.` }));
  const send = () => { at("send").disabled = events.length === 0; };
  if (unusual) asked.push(tick(`${unusual} of these days are older than two years or lie ahead, and are right all the same`, false, (yes) => (yes ? send() : (at("send").disabled = true))));
  at("questions").replaceChildren(...asked);
  if (unusual) at("send").disabled = true;
  else send();
}

function preview({ events, refused }) {
  const told = ({ line, day, event }) => [line, event.subject, day, event.data.service ?? "", event.data.activity ?? "", event.data.channel ?? ""];
  const cells = (name, values) => values.map((value) => element(name, { textContent: value }));
  const head = cells("th", ["line", "pseudonym", "day", "service", "activity", "channel"]);
  for (const each of head) each.scope = "col";
  at("preview").querySelector("thead").replaceChildren(element("tr", {}, ...head));
  at("preview").querySelector("tbody").replaceChildren(...events.slice(0, SHOWN).map((each) => element("tr", {}, ...cells("td", told(each)))));
  at("preview-count").textContent = `${events.length} rows can be sent${refused.length ? `, ${refused.length} cannot` : ""}. The first of them:`;
  at("preview").hidden = false;
  list(refused);
}

function list(refused) {
  at("refused").replaceChildren(...refused.map(({ line, detail }) => element("li", { textContent: `Line ${line}: ${detail}` })));
  at("result-count").textContent = refused.length ? "These lines cannot be sent as they are:" : "";
  at("result").hidden = refused.length === 0;
}

async function sent(batch) {
  const answer = await fetch("/desk/spreadsheet", {
    method: "POST",
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(batch.map((each) => each.event)),
  });
  const said = await answer.json().catch(() => ({}));
  if (!Array.isArray(said.refused)) throw new Error(answer.status === 401 ? "signed out" : "not answered");
  const lines = (some) => some.map(({ index, detail }) => ({ line: batch[index].line, detail }));
  const conflicts = (said.notices ?? []).filter(({ reason }) => reason === "conflicting-duplicate");
  return { accepted: said.accepted, duplicate: said.duplicate, refused: lines(said.refused), conflicts: lines(conflicts) };
}

async function send({ events, refused }) {
  const total = { accepted: 0, duplicate: 0, refused: [...refused], conflicts: [] };
  const differ = () => (total.conflicts.length ? ` (${total.conflicts.length} of them with other content)` : "");
  const sum = () => `${total.accepted} accepted, ${total.duplicate} were here already${differ()}, ${total.refused.length} refused.`;
  at("send").disabled = true;
  wrong("");
  at("result").hidden = false;
  try {
    for (let n = 0; n < events.length; n += BATCH) {
      const answer = await sent(events.slice(n, n + BATCH));
      total.accepted += answer.accepted;
      total.duplicate += answer.duplicate;
      total.refused.push(...answer.refused);
      total.conflicts.push(...answer.conflicts);
      at("result-count").textContent = `${Math.min(n + BATCH, events.length)} of ${events.length} sent. ${sum()}`;
    }
    list([...total.refused, ...total.conflicts]);
    at("result-count").textContent = sum();
    at("result").hidden = false;
  } catch (failed) {
    wrong(failed.message === "signed out" ? "You are signed out: sign in in another tab, then send them again." : "Not all were sent. Send them again: what is here already stays as it is.");
  }
  at("send").disabled = false;
  at("result-title").focus();
}

export function begin(possible) {
  const box = at("sheet");
  let table = { rows: [], refused: [] }, ready = null, confirmed = [], run = 0;
  box.hidden = false;
  if (!possible) return wrong("This browser makes no pseudonyms here: open this page by https.");
  // Whoever chooses another file or column meanwhile has the rows of that one: an earlier run ends without a word.
  async function show(answered = confirmed) {
    const mine = run += 1;
    confirmed = answered;
    wrong("");
    ready = null;
    at("preview").hidden = at("result").hidden = true;
    if (!table.rows.length || at("column-client").value === "" || at("column-date").value === "") return;
    if (kept(box.dataset.org) === null) return wrong("Choose the key of your organisation: without it no pseudonyms can be made.");
    const rows = await made(table, box, confirmed);
    if (mine !== run) return;
    ready = rows;
    preview(ready);
    questions(table, ready, box.dataset.zone, confirmed, show);
  }
  async function read() {
    const mine = run += 1;
    ready = null;
    const file = at("file").files[0];
    const { text, wrong: detail } = decode(new Uint8Array((await file?.arrayBuffer()) ?? []), at("encoding").value);
    if (mine !== run) return;
    table = { rows: [], refused: [] };
    confirmed = [];
    at("columns").hidden = at("preview").hidden = at("result").hidden = true;
    if (detail) return wrong(detail);
    table = readTable(text, globalThis.Papa);
    if (!table.rows.length) {
      list(table.refused);
      return wrong("There are no rows in this file below a line of headings. Save the sheet as CSV.");
    }
    columnsForm(table.headings, () => show());
    await show();
  }
  at("sheet-key").append(keyField(box.dataset.org, () => show()));
  at("file").addEventListener("change", read);
  at("encoding").addEventListener("change", () => at("file").files.length && read());
  at("send").addEventListener("click", () => ready && send(ready));
}
