import { blocks, report, sentences } from "./text.mjs";

const IRREGULAR = "begun|bound|built|chosen|done|drawn|found|given|held|hidden|kept|known|left|lost|made|met|paid|put|read|said|seen|sent|set|shown|stated|taken|told|thrown|written";
const PASSIVE = new RegExp(`\\b(?:am|is|are|was|were|be|been|being)\\s+(?:(?:not|never|still|then|also|always|already|only|first|again)\\s+)?(?:\\p{L}{2,}ed|${IRREGULAR})\\b`, "giu");

/** A sentence says who does what: at most `most` of its verbs are passive. */
export default (context, { most }) =>
  blocks(context, (node, text, at) => {
    for (const sentence of sentences(text)) {
      const count = [...sentence.text.matchAll(PASSIVE)].length;
      if (count > most) report(context, node, at(sentence.index), `${count} passive verbs in a sentence: at most ${most}, name who does it`);
    }
  });
