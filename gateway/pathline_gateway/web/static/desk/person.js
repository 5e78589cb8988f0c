// A client is named by the organisation's own number, which is turned into the pseudonym before anything is sent.
// Without this script the form takes a ready pseudonym.
import { keyField, kept } from "./key.js";
import { WrongIdentifier } from "./identifier.js";
import { isSubject, subject } from "./pseudonym.js";

const NO_NUMBER = "This may be no number, but what a program writes where nothing is. If it is the client's number, send it again.";
const TOLD = {
  blank: "Write the number of the client.",
  unseen: "This holds a character that cannot be seen, or a space other than the plain one: write it anew.",
  rounded: NO_NUMBER,
  nothing: NO_NUMBER,
  uncertain: NO_NUMBER,
};

function enhance(box) {
  const { org } = box.dataset;
  const form = box.closest("form");
  const sent = box.querySelector("input[name=subject]");
  const typed = sent.cloneNode();
  // What is typed has no name: no form sends it. It takes the place, and the label, of what is sent.
  for (const name of ["name", "pattern", "title"]) typed.removeAttribute(name);
  typed.maxLength = 200;
  typed.value = "";
  sent.removeAttribute("id");
  sent.type = "hidden";
  sent.value = "";
  sent.required = false;
  sent.after(typed);
  box.querySelector("label").textContent = "Client number";
  box.querySelector(".hint").textContent =
    "Your own number, as you always write it. It stays on this computer: only a pseudonym made from it is sent.";
  const wrong = document.createElement("p");
  wrong.className = "wrong";
  wrong.setAttribute("role", "alert");
  typed.before(wrong);
  box.before(keyField(org, () => { wrong.textContent = ""; if (kept(org)) typed.focus(); }));
  let ready = false, asked = null;

  async function pseudonym() {
    const said = typed.value.trim();
    if (isSubject(said)) return said;
    const key = kept(org);
    if (key === null) {
      wrong.textContent = "Choose the key of your organisation first: without it no pseudonym can be made.";
      document.querySelector("#key").focus();
      return null;
    }
    try {
      return await subject(key.derived, key.epoch, typed.value, typed.value.trim() === asked);
    } catch (failed) {
      if (!(failed instanceof WrongIdentifier)) throw failed;
      // Whoever sends the same again has said that it is a number.
      asked = typed.value.trim();
      wrong.textContent = TOLD[failed.kind];
      typed.focus();
      return null;
    }
  }

  form.addEventListener("submit", async (event) => {
    if (ready) return;
    event.preventDefault();
    wrong.textContent = "";
    const made = await pseudonym();
    if (made === null) return;
    sent.value = made;
    typed.value = "";
    typed.required = false;
    ready = true;
    // Not from within the event: a form that is being submitted does not hear that it should be.
    setTimeout(() => form.requestSubmit());
  });
  // A page that comes back from the browser's own memory begins anew.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    ready = false;
    sent.value = "";
    typed.required = true;
  });
}

export function enhancePersons() {
  for (const box of document.querySelectorAll("[data-person]")) enhance(box);
}
