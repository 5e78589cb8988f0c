// The page of the spreadsheet: file, columns, preview, sending in batches, result by line.
import { parse } from "./csv.js";
import { keyField, kept } from "./key.js";
import { maker, Wrong } from "./rows.js";

const BATCH = 500;
const SHOWN = 5;
const ASKED = [
  ["client", "Client number", /client|number|id|person/i, true],
  ["date", "Date", /date|day|when/i, true],
  ["service", "Service", /service|program/i, false],
  ["activity", "Activity", /activity|what|event/i, false],
  ["channel", "Channel", /channel|how/i, false],
];
const at = (id) => document.getElementById(id);
const element = (name, said = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), said);
  made.append(...inside);
  return made;
};

function columnsForm(headings, changed) {
  const taken = new Set();
  const fields = ASKED.map(([name, label, like, required]) => {
    const guess = headings.findIndex((heading, n) => like.test(heading) && !taken.has(n));
    if (guess >= 0) taken.add(guess);
    const select = element("select", { id: `column-${name}`, required });
    select.append(element("option", { value: "", textContent: required ? "choose" : "none" }));
    headings.forEach((heading, n) => select.append(element("option", { value: n, textContent: heading || `column ${n + 1}`, selected: n === guess })));
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

async function made(rows, box) {
  const columns = Object.fromEntries(ASKED.map(([name]) => [name, at(`column-${name}`).value]));
  const { org, source, zone } = box.dataset;
  const make = maker({ source, zone, key: kept(org), columns, dayFirst: at("order").value === "day" });
  const events = [], refused = [];
  for (const row of rows) {
    try {
      events.push({ line: row.line, event: await make(row) });
    } catch (failed) {
      if (!(failed instanceof Wrong)) throw failed;
      refused.push({ line: row.line, detail: failed.message });
    }
  }
  return { events, refused };
}

function preview({ events, refused }) {
  const told = ({ line, event }) => [line, event.subject, event.time.slice(0, 10), event.data.service ?? "", event.data.activity ?? "", event.data.channel ?? ""];
  const cells = (name, values) => values.map((value) => element(name, { textContent: value }));
  const head = cells("th", ["line", "pseudonym", "day", "service", "activity", "channel"]);
  for (const each of head) each.scope = "col";
  at("preview").querySelector("thead").replaceChildren(element("tr", {}, ...head));
  at("preview").querySelector("tbody").replaceChildren(...events.slice(0, SHOWN).map((each) => element("tr", {}, ...cells("td", told(each)))));
  at("preview-count").textContent = `${events.length} rows can be sent${refused.length ? `, ${refused.length} cannot` : ""}. The first of them:`;
  at("send").disabled = events.length === 0;
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
  const refused = said.refused.map(({ index, detail }) => ({ line: batch[index].line, detail }));
  return { accepted: said.accepted, duplicate: said.duplicate, refused };
}

async function send({ events, refused }) {
  const total = { accepted: 0, duplicate: 0, refused: [...refused] };
  const sum = () => `${total.accepted} accepted, ${total.duplicate} were here already, ${total.refused.length} refused.`;
  at("send").disabled = true;
  wrong("");
  at("result").hidden = false;
  try {
    for (let n = 0; n < events.length; n += BATCH) {
      const answer = await sent(events.slice(n, n + BATCH));
      total.accepted += answer.accepted;
      total.duplicate += answer.duplicate;
      total.refused.push(...answer.refused);
      at("result-count").textContent = `${Math.min(n + BATCH, events.length)} of ${events.length} sent. ${sum()}`;
    }
    list(total.refused);
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
  let rows = [], ready = null;
  box.hidden = false;
  if (!possible) return wrong("This browser makes no pseudonyms here: open this page by https.");
  async function show() {
    wrong("");
    ready = null;
    at("preview").hidden = at("result").hidden = true;
    if (!rows.length || at("column-client").value === "" || at("column-date").value === "") return;
    if (kept(box.dataset.org) === null) return wrong("Choose the key of your organisation: without it no pseudonyms can be made.");
    ready = await made(rows, box);
    preview(ready);
  }
  at("sheet-key").append(keyField(box.dataset.org, show));
  at("file").addEventListener("change", async () => {
    const [heading, ...rest] = parse((await at("file").files[0]?.text()) ?? "");
    if (!rest.length) return wrong("There are no rows in this file below a line of headings. Save the sheet as CSV.");
    rows = rest;
    columnsForm(heading.cells, show);
    await show();
  });
  at("send").addEventListener("click", () => ready && send(ready));
}
