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

// Times in the reader's own zone on hover.
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = new Date(time.dateTime).toLocaleString();
}
