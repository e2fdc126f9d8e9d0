// usage: echo '["some text"]' | node tokenize.ts MODEL.gguf, prints llama.cpp's own token ids and the text they give back
import { text } from "node:stream/consumers";
import { getLlama } from "node-llama-cpp";

const [modelPath = ""] = process.argv.slice(2);
const texts = JSON.parse(await text(process.stdin)) as string[];
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: 1 });
const model = await llama.loadModel({ modelPath, vocabOnly: true });
const tokenized = texts.map((given) => {
  const ids = model.tokenize(given, false);
  return { ids: ids.map(Number), text: model.detokenize(ids) };
});
process.stdout.write(`${JSON.stringify(tokenized)}\n`, () => process.exit(0));
