// The quick exit, the focus after a form was refused, and clients by their numbers. Every page works without it.
import { forget } from "./key.js";
import { enhancePersons } from "./person.js";
import { possible } from "./pseudonym.js";

const leave = document.querySelector("#leave");
const TWICE_MS = 1000;
let escaped = -Infinity;

function away(event) {
  event?.preventDefault();
  forget();
  document.body.hidden = true;
  location.replace(leave.href);
}

leave.addEventListener("click", away);
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (event.timeStamp - escaped < TWICE_MS) away();
  escaped = event.timeStamp;
});
document.querySelector("form[data-forget]")?.addEventListener("submit", forget);

if (possible) enhancePersons();
if (document.querySelector("#sheet")) (await import("./sheet.js")).begin(possible);
document.querySelector("#wrong")?.focus();
