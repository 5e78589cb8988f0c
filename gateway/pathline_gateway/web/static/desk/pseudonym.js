// Pseudonyms, as contracts/pathline/pseudonym.py makes them; the vectors in contracts/vectors hold for both.
const SUBJECT = /^v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]$/;
// What Python strips: not quite what JavaScript trims.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const AROUND = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const utf8 = new TextEncoder();

export const possible = globalThis.crypto?.subtle !== undefined;

export function isSubject(text) {
  return SUBJECT.test(text);
}

export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of an agency's key as `pathline init` wrote it; null when the text is none. */
export function decodeKey(text) {
  const plain = text.trim().replace(/=+$/, "");
  if (!/^[A-Za-z0-9_-]+$/.test(plain)) return null;
  try {
    const bytes = Uint8Array.from(atob(plain.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return bytes.length >= 32 ? bytes : null;
  } catch {
    return null;
  }
}

/** What the key comes to for one organisation and one epoch: 32 bytes, from which there is no way back. */
export async function derive(key, org, epoch) {
  const from = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: utf8.encode("pathline pseudonym"), info: utf8.encode(`${org}/v${epoch}`) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, from, 256));
}

export async function mac(derived, bytes) {
  const key = await crypto.subtle.importKey("raw", derived, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

/** The pseudonym of the person whom the agency knows by this identifier; null when that is blank. */
export async function subject(derived, epoch, identifier) {
  const canonical = identifier.replace(AROUND, "").normalize("NFC");
  if (!canonical) return null;
  return `v${epoch}.${base64url((await mac(derived, utf8.encode(canonical))).slice(0, 16))}`;
}
