// A CSV file as rows of cells, each with the line that it begins on. Papa Parse takes the text apart; what it forgives,
// such as a quotation mark that is never closed, is refused here, as pathline/cli/sources/csv.py refuses it.
const DELIMITERS = [",", ";", "\t", "|"];
const OPEN_QUOTE = "a quotation mark is not closed, or text follows it; write a quotation mark inside a field twice";
const SWALLOWED = "a quotation mark is not closed, so that a cell holds the row below; write a quotation mark inside a field twice";

/** The text of a file in this encoding; { wrong } where it is no text in it, or no CSV. */
export function decode(bytes, encoding = "utf-8") {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] < 9) return { wrong: "This is an Excel file or a ZIP archive: save the sheet as CSV." };
  if (bytes[0] === 0xd0 && bytes[1] === 0xcf) return { wrong: "This is an Excel file: save the sheet as CSV." };
  let text;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return { wrong: "This file is no text as it is read now: save it as “CSV UTF-8”, or say below how it was saved." };
  }
  if (text.includes("\0")) return { wrong: "This file is no text as it is read now: say below how it was saved." };
  return { text };
}

/** { headings, rows: [{ line, cells }], refused: [{ line, detail }] } of a CSV text. */
export function readTable(text, Papa) {
  const plain = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const delimiter = findDelimiter(plain, Papa);
  const rows = [], refused = [];
  let headings = null, from = 0, line = 1;
  while (from < plain.length) {
    const rest = plain.slice(from);
    let begun = 0, again = null;
    Papa.parse(rest, {
      delimiter, newline: "\n", quoteChar: '"', fastMode: false,
      step({ data: cells, errors, meta }, parser) {
        const raw = rest.slice(begun, meta.cursor).replace(/\n$/, "");
        const row = { line, cells };
        const blank = !cells.join("").trim();
        const detail = fault(cells, raw, errors, headings, delimiter);
        if (headings === null) headings = detail ? [] : cells;
        else if (detail) refused.push({ line, detail });
        else if (!blank) rows.push(row);
        if (detail === OPEN_QUOTE || detail === SWALLOWED) {
          // The line below its first is the next row: what an open quotation mark took in is read for itself.
          again = begun + raw.indexOf("\n") + 1;
          if (!raw.includes("\n")) again = meta.cursor;
          line += 1;
          return parser.abort();
        }
        line += raw.split("\n").length;
        begun = meta.cursor;
      },
    });
    if (again === null) break;
    from += again;
  }
  return { headings: headings ?? [], rows, refused, delimiter };
}

function fault(cells, raw, errors, headings, delimiter) {
  if (errors.some((error) => error.type === "Quotes") || !isWritten(cells, raw, delimiter)) return OPEN_QUOTE;
  if (!cells.join("").trim()) return null;
  if (headings !== null && cells.length !== headings.length) return `has ${cells.length} columns and the first row has ${headings.length}`;
  if (headings !== null && cells.some((cell, place) => swallowsRows(cell, place, cells.length, delimiter))) return SWALLOWED;
  return null;
}

/** Whether the row is these cells, each as it is or within quotation marks, and nothing else. */
function isWritten(cells, raw, delimiter) {
  let at = 0;
  for (const [place, cell] of cells.entries()) {
    if (place > 0) {
      if (!raw.startsWith(delimiter, at)) return false;
      at += delimiter.length;
    }
    const written = raw[at] === '"' ? `"${cell.replaceAll('"', '""')}"` : cell;
    if (!raw.startsWith(written, at)) return false;
    at += written.length;
  }
  return at === raw.length;
}

/** Whether this cell holds the rest of its row and further rows of the table. */
export function swallowsRows(cell, place, columns, delimiter) {
  if (!cell.includes("\n") || columns < 2) return false;
  const counts = cell.split("\n").map((each) => each.split(delimiter).length - 1);
  const first = counts.shift(), last = counts.pop();
  return first === columns - 1 - place && last === place && counts.every((count) => count === columns - 1);
}

function findDelimiter(plain, Papa) {
  const names = (delimiter) => Papa.parse(plain, { delimiter, newline: "\n", fastMode: false, preview: 1 }).data[0]?.length ?? 0;
  return DELIMITERS.reduce((best, each) => (names(each) > names(best) ? each : best));
}
