// A CSV file as rows of cells (RFC 4180), with the line that each begins on; comma, semicolon or tab.
export function parse(text) {
  const plain = text.replace(/^\uFEFF/, "");
  const mark = separator(plain.slice(0, plain.search(/[\r\n]|$/)));
  const rows = [];
  let cells = [], cell = "", quoted = false, line = 1, began = 1;
  const ended = () => { cells.push(cell); cell = ""; };
  const row = () => {
    ended();
    if (cells.length > 1 || cells[0].trim()) rows.push({ line: began, cells });
    cells = [];
  };
  for (let at = 0; at < plain.length; at++) {
    const c = plain[at];
    if (quoted) {
      if (c === '"' && plain[at + 1] === '"') { cell += '"'; at++; }
      else if (c === '"') quoted = false;
      else { cell += c; if (c === "\n") line++; }
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === mark) ended();
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && plain[at + 1] === "\n") at++;
      row();
      began = ++line;
    } else cell += c;
  }
  row();
  return rows;
}

function separator(first) {
  const count = (mark) => first.split(mark).length;
  return [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}
