// A service or channel as people write it, made a code, as pathline/rows/service_code.py makes it.
import { LETTERS, MAX_CODE_CHARACTERS } from "./row_rules.js";

/** `Whānau café` is `whanau-cafe`; empty where a letter or all of it cannot be kept. */
export function makeCode(text) {
  const apart = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  const plain = [...apart].map((letter) => LETTERS[letter] ?? letter).join("");
  if (/(?![a-z0-9])[\p{L}\p{N}]/u.test(plain)) return "";
  const code = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return code.length <= MAX_CODE_CHARACTERS ? code : "";
}
