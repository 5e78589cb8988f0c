import { blocks, report, sentences, words } from "./text.mjs";

/** A sentence has at most `words` words. */
export default (context, options) =>
  blocks(context, (node, text, at) => {
    for (const sentence of sentences(text)) {
      const count = words(sentence.text).length;
      if (count > options.words) report(context, node, at(sentence.index), `${count} words in a sentence: at most ${options.words}`);
    }
  });
