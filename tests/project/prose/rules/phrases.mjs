import { blocks, report } from "./text.mjs";

/** Says what to write for each phrase of `phrases`: pairs of a regular expression and the advice. */
export default (context, { phrases }) =>
  blocks(context, (node, text, at) => {
    for (const [pattern, advice] of Object.entries(phrases)) {
      for (const found of text.matchAll(new RegExp(pattern, "giu"))) {
        report(context, node, at(found.index), `"${found[0].replace(/\s+/g, " ")}": ${advice}`);
      }
    }
  });
