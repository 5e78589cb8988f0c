// Keeps the counts of the front page fresh. The page says the same without it, as of when it was opened.
const counts = new Map([...document.querySelectorAll("[data-count]")].map((each) => [each.dataset.count, each]));

async function refresh() {
  const answer = await fetch("/v1/status", { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const status = await answer.json();
  for (const name of ["interactions", "pathways", "links", "parked", "lag"]) {
    counts.get(name).textContent = status[name].toLocaleString("en");
  }
}

if (counts.has("interactions")) {
  const again = () => refresh().catch(() => {}).finally(() => setTimeout(again, document.hidden ? 10000 : 1000));
  again();
}

// What is wrong stays fresh, too, where nobody is about to use it; a page that cannot be refreshed says so.
const live = [...document.querySelectorAll("[data-live]")];
let seen = new Date();

async function renew() {
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error("not this page");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of live) {
    const now = fresh.getElementById(part.id);
    part.className = now.className;
    if (part.innerHTML !== now.innerHTML && !part.contains(document.activeElement)) part.innerHTML = now.innerHTML;
  }
  seen = new Date();
}

function stale() {
  const state = document.getElementById("state");
  state.className = "state look";
  state.textContent = `The gateway has not answered since ${seen.toLocaleTimeString()}: what stands here is of then. Look at its process, or sign in again.`;
}

if (live.length) {
  const again = () => setTimeout(() => (document.hidden ? Promise.resolve() : renew().catch(stale)).finally(again), 5000);
  again();
}

// Times in the reader's own zone on hover.
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = new Date(time.dateTime).toLocaleString();
}
