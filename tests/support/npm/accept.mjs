// Says what the official AsyncAPI parser makes of the documents in these files, as JSON, one after the other.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

async function read(file) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const operations = document?.operations().all() ?? [];
  return {
    diagnostics: diagnostics.map(({ code, severity, message, path }) => ({ code, severity, message, path })),
    servers: document?.servers().all().map((server) => server.host()),
    channels: document?.channels().all().map((channel) => [channel.address(), channel.messages().all().length]),
    messages: document?.messages().all().map((message) => [message.id(), message.hasPayload(), message.hasHeaders()]),
    groups: operations.map((each) => each.bindings().get("kafka")?.value().groupId?.const).filter(Boolean),
  };
}

const found = [];
for (const file of process.argv.slice(2)) found.push(await read(file));
console.log(JSON.stringify(found));
