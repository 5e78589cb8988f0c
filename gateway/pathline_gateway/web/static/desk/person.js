// A client is named by the organisation's own number, which is turned into the pseudonym before anything is sent.
// Without this script the form takes a ready pseudonym.
import { keyField, kept } from "./key.js";
import { isSubject, subject } from "./pseudonym.js";

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
  let ready = false;

  async function pseudonym() {
    const said = typed.value.trim();
    if (isSubject(said)) return said;
    const key = kept(org);
    if (key === null) {
      wrong.textContent = "Choose the key of your organisation first: without it no pseudonym can be made.";
      document.querySelector("#key").focus();
      return null;
    }
    const made = await subject(key.derived, key.epoch, typed.value);
    if (made === null) {
      wrong.textContent = "Write the number of the client.";
      typed.focus();
    }
    return made;
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
