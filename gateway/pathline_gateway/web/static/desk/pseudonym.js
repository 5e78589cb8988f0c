// Pseudonyms, as contracts/pathline/pseudonym.py makes them; the vectors in contracts/vectors hold for both.
import { canonicalIdentifier } from "./identifier.js";

const SUBJECT = /^v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]$/;
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
  const plain = text.replace(/^\uFEFF/, "").trim().replace(/=+$/, "");
  if (!/^[A-Za-z0-9_-]+$/.test(plain)) return null;
  try {
    const bytes = Uint8Array.from(atob(plain.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return bytes.length >= 32 ? bytes : null;
  } catch {
    return null;
  }
}

async function hkdf(key, info) {
  const from = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: utf8.encode("pathline pseudonym"), info: utf8.encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, from, 256));
}

/** What the key comes to for one organisation and one epoch: 32 bytes, from which there is no way back. */
export function derive(key, org, epoch) {
  return hkdf(key, `${org}/v${epoch}`);
}

/** What ids of rows are keyed with: the same in every epoch. */
export function deriveRows(key, org) {
  return hkdf(key, `${org}/rows`);
}

export async function mac(derived, bytes) {
  const key = await crypto.subtle.importKey("raw", derived, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

/** The pseudonym of the person with this canonical identifier. */
export async function tag(derived, epoch, canonical) {
  return `v${epoch}.${base64url((await mac(derived, utf8.encode(canonical))).slice(0, 16))}`;
}

/** The pseudonym of the person whom the agency knows by this identifier; throws WrongIdentifier. */
export async function subject(derived, epoch, identifier, confirmed = false) {
  return tag(derived, epoch, canonicalIdentifier(identifier, confirmed));
}
