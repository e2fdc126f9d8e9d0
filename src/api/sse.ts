/** One piece of a server-sent event stream; a comment is the sender's sign of life. */
export type SseItem =
  | { readonly kind: "event"; readonly id: string | null; readonly event: string; readonly data: string }
  | { readonly kind: "comment" };

export interface SseParser {
  /** Takes the next piece of text, cut anywhere; returns the items it completed. Throws a `RangeError` past the limit. */
  push(text: string): readonly SseItem[];
}

const GREATEST_ITEM_CHARS = 4 * 1024 * 1024;

interface Draft {
  id: string | null;
  event: string;
  data: string[];
}

const emptyDraft = (): Draft => ({ id: null, event: "message", data: [] });

function readField(draft: Draft, line: string): void {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (name === "id") draft.id = value;
  if (name === "event") draft.event = value;
  if (name === "data") draft.data.push(value);
}

/** Parses `text/event-stream` with LF or CRLF line ends. */
export function createSseParser(): SseParser {
  let rest = "";
  let draft = emptyDraft();
  let held = 0;

  const onLine = (line: string): SseItem | undefined => {
    if (line === "") {
      const { id, event, data } = draft;
      draft = emptyDraft();
      held = 0;
      return data.length > 0 ? { kind: "event", id, event, data: data.join("\n") } : undefined;
    }
    if (line.startsWith(":")) return { kind: "comment" };
    held += line.length;
    readField(draft, line);
    return undefined;
  };

  return {
    push: (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      const items = lines.map((line) => onLine(line.endsWith("\r") ? line.slice(0, -1) : line));
      if (held + rest.length > GREATEST_ITEM_CHARS) throw new RangeError("server-sent event is too long");
      return items.filter((item) => item !== undefined);
    },
  };
}
