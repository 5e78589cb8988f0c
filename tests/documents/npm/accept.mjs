// Says what the official AsyncAPI parser makes of the document in this file, as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const operations = document?.operations().all() ?? [];
console.log(
  JSON.stringify({
    diagnostics: diagnostics.map(({ code, severity, message, path }) => ({ code, severity, message, path })),
    servers: document?.servers().all().map((server) => server.host()),
    channels: document?.channels().all().map((channel) => [channel.address(), channel.messages().all().length]),
    messages: document?.messages().all().map((message) => [message.id(), message.hasPayload(), message.hasHeaders()]),
    groups: operations.map((each) => each.bindings().get("kafka")?.value().groupId?.const).filter(Boolean),
  }),
);
