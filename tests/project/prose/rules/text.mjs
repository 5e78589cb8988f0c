// The prose of a paragraph, a heading or a table cell: one text, with the place of each character in its source.

const BLOCKS = ["Paragraph", "Header", "TableCell"];
const CODE = "C0DE";

/** Calls `check(node, text, at)` for each block: `text` has one word for each code span, `at(i)` its index in the block. */
export function blocks(context, check) {
  const { Syntax } = context;
  const visit = (node) => {
    const parts = [];
    collect(node, node.range[0], Syntax, parts);
    const text = parts.map((part) => part.text).join("");
    check(node, text, (index) => place(parts, index));
  };
  return Object.fromEntries(BLOCKS.map((kind) => [Syntax[kind] ?? kind, visit]));
}

/** Reports `message` where the text at `index` stands. */
export function report(context, node, index, message) {
  const { RuleError, locator } = context;
  context.report(node, new RuleError(message, { padding: locator.at(index) }));
}

/** The sentences of a text, each with the index where it begins. */
export function sentences(text) {
  const found = [];
  let begin = 0;
  for (const end of text.matchAll(/[.!?…][)"'”’*]*(?=\s+["'“(*]*[\p{Lu}\d]|\s*$)/gu)) {
    const after = end.index + end[0].length;
    found.push({ index: begin, text: text.slice(begin, after) });
    begin = after;
  }
  if (text.slice(begin).trim()) found.push({ index: begin, text: text.slice(begin) });
  return found.map((each) => ({ index: each.index + each.text.search(/\S|$/), text: each.text.trim() }));
}

/** The words of a sentence. What has no letter and no digit is none. */
export function words(sentence) {
  return sentence.split(/[\s/]+/).filter((word) => /[\p{L}\d]/u.test(word));
}

function collect(node, base, Syntax, parts) {
  if (node.type === Syntax.Code) parts.push({ text: CODE, at: node.range[0] - base, fixed: true });
  else if (node.type === Syntax.Str) parts.push({ text: node.value, at: node.range[0] - base });
  else if (node.type === Syntax.Break) parts.push({ text: "\n", at: node.range[0] - base });
  else for (const child of node.children ?? []) collect(child, base, Syntax, parts);
}

function place(parts, index) {
  for (const part of parts) {
    if (index < part.text.length) return part.at + (part.fixed ? 0 : index);
    index -= part.text.length;
  }
  return 0;
}
