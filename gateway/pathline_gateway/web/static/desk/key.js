// The organisation's key: chosen once from this computer, and kept by this tab of this browser alone. What is kept is
// what the key comes to for this organisation: for pseudonyms in this epoch, for ids of rows in every one. The key itself
// is forgotten at once. Nothing of it is sent.
import { base64url, decodeKey, derive, deriveRows } from "./pseudonym.js";

const NAME = "pathline-desk-key";

/** { epoch, derived, rows } of this organisation; null when no key was chosen. */
export function kept(org) {
  try {
    const said = JSON.parse(sessionStorage.getItem(NAME));
    if (said?.org !== org || !said.rows) return null;
    return { epoch: said.epoch, derived: decodeKey(said.derived), rows: decodeKey(said.rows) };
  } catch {
    return null;
  }
}

export function forget() {
  sessionStorage.removeItem(NAME);
}

function built(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content.firstElementChild;
}

/** Where the key is chosen, or forgotten; `changed` is called after either. */
export function keyField(org, changed) {
  const box = built(`<div class="field" id="key-box">
<label for="key">Key of your organisation</label>
<p class="hint" id="key-hint">The file that <code>pathline init</code> made. It is read here and never sent; this tab forgets it when it is closed.</p>
<p class="wrong" id="key-wrong" role="alert"></p>
<div class="pair"><input id="key" type="file" aria-describedby="key-hint key-wrong">
<div class="field"><label for="epoch">Epoch</label><input id="epoch" type="number" min="1" max="9999" value="1"></div></div>
<p id="key-here" hidden>The key is here. <button type="button" class="quiet" id="key-forget">Forget it</button></p></div>`);
  const at = (id) => box.querySelector(`#${id}`);
  function shown() {
    const here = kept(org) !== null;
    at("key-here").hidden = !here;
    for (const hidden of [at("key").parentElement, at("key-hint")]) hidden.hidden = here;
    box.querySelector("label").htmlFor = here ? "key-forget" : "key";
  }
  async function chosen() {
    at("key-wrong").textContent = "";
    const file = at("key").files[0];
    const epoch = Number(at("epoch").value);
    if (!file) return;
    const key = file.size > 4096 ? null : decodeKey(await file.text());
    at("key").value = "";
    if (key === null || !Number.isInteger(epoch) || epoch < 1 || epoch > 9999) {
      at("key-wrong").textContent = "This file holds no key. Choose the file that pathline init made, and an epoch from 1 on.";
      return;
    }
    const derived = base64url(await derive(key, org, epoch));
    const rows = base64url(await deriveRows(key, org));
    key.fill(0);
    sessionStorage.setItem(NAME, JSON.stringify({ org, epoch, derived, rows }));
    shown();
    changed();
  }
  at("key").addEventListener("change", chosen);
  at("key-forget").addEventListener("click", () => {
    forget();
    shown();
    at("key").focus();
    changed();
  });
  shown();
  return box;
}
