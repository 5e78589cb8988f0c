// Reads from standard input what there is to lint, as JSON: [{"path", "text", "ext"}]. Prints a line for each finding.
// Node finds textlint in the folder that NODE_MODULES names, so that nothing is installed into the repository.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const installed = createRequire(process.argv[2]);
const { TextlintKernel } = installed("@textlint/kernel");
const plugins = ["markdown", "text"].map((name) => {
  const loaded = installed(`@textlint/textlint-plugin-${name}`);
  return { pluginId: name, plugin: loaded.default ?? loaded };
});
const options = JSON.parse(readFileSync(new URL("config.json", import.meta.url)));
const folder = new URL("rules/", import.meta.url);
const rules = [];
for (const ruleId of Object.keys(options)) {
  const { default: rule } = await import(new URL(`${options[ruleId].phrases ? "phrases" : ruleId}.mjs`, folder));
  rules.push({ ruleId, rule, options: options[ruleId] });
}
const kernel = new TextlintKernel();
let found = 0;
for (const { path, line: first, text, ext } of JSON.parse(readFileSync(0))) {
  const result = await kernel.lintText(text, { ext, filePath: path, plugins, rules });
  for (const { line, column, ruleId, message } of result.messages) {
    console.log(`${path}:${first + line - 1}:${column} ${ruleId}: ${message}`);
    found += 1;
  }
}
process.exitCode = found ? 1 : 0;
