// An agency's own identifier of a client, as pathline/rows/identifier.py takes it.
import { IGNORABLE, NOTHING, ROUNDED, UNCERTAIN } from "./row_rules.js";

// What Python strips: not quite what JavaScript trims.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const AROUND = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const UNSEEN = new RegExp(`[\\p{Cf}\\p{Cc}\\p{Zl}\\p{Zp}${IGNORABLE}]|(?! )\\p{Zs}`, "u");
const ROUNDED_NUMBER = new RegExp(`^${ROUNDED}$`);

const TOLD = {
  blank: "the client's number is missing",
  unseen: "the client's number holds a character that cannot be seen, or a space other than the plain one: write it without",
  nothing: "the client's number is what a program writes where nothing is",
  rounded: "the client's number was rounded by the spreadsheet: format the column as text and save it again",
  uncertain: "the client's number may mean that there is none: say below whether it is somebody's",
};

export class WrongIdentifier extends Error {
  constructor(kind) {
    super(TOLD[kind]);
    this.kind = kind;
  }
}

export function strip(text) {
  return text.replace(AROUND, "");
}

/** "nothing", "uncertain" or "rounded" where the text is how some tool writes that there is no value; else null. */
export function classifyNoValue(text) {
  const plain = strip(text).toLowerCase();
  if (NOTHING.includes(plain) || !/[\p{L}\p{N}]/u.test(plain)) return "nothing";
  if (ROUNDED_NUMBER.test(strip(text))) return "rounded";
  return UNCERTAIN.includes(plain) ? "uncertain" : null;
}

/** The identifier without surrounding white space, in Unicode NFC; throws WrongIdentifier. */
export function canonicalIdentifier(text, confirmed = false) {
  const canonical = strip(text).normalize("NFC");
  if (!canonical) throw new WrongIdentifier("blank");
  if (UNSEEN.test(canonical)) throw new WrongIdentifier("unseen");
  const kind = confirmed ? null : classifyNoValue(canonical);
  if (kind) throw new WrongIdentifier(kind);
  return canonical;
}

/** Whether this may be a person's name, which another person may have as well. */
export function looksLikeName(text) {
  const words = text.replaceAll(",", " ").split(/\s+/).filter(Boolean);
  const word = /^\p{L}+(?:[.'’-]\p{L}+)*\.?$/u;
  return /\p{Ll}/u.test(text) && /^\p{Lu}/u.test(text) && words.every((each) => word.test(each));
}
