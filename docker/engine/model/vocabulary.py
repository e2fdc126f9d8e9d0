"""A small byte-fallback BPE whose encoder follows llama.cpp's SPM rule: merge the best-scored neighbours first."""

import re
from collections import Counter

UNKNOWN, START, END, USER, ASSISTANT, SYSTEM = range(6)
SPECIAL = ["<unk>", "<s>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
SPACE = "\u2581"
# No piece crosses a chunk, so encoding chunk by chunk equals encoding the whole text at once.
CHUNK = re.compile(f"{SPACE}?[A-Za-z']+|{SPACE}?[^A-Za-z'{SPACE}]|{SPACE}")
ROLE = {"user": USER, "assistant": ASSISTANT, "system": SYSTEM}


def chunks(text: str) -> list[str]:
    return CHUNK.findall(text.replace(" ", SPACE))


def merged(symbols: list[str], left: str, right: str) -> list[str]:
    out: list[str] = []
    for symbol in symbols:
        if out and out[-1] == left and symbol == right:
            out[-1] = left + right
        else:
            out.append(symbol)
    return out


def learn(texts: list[str], size: int) -> list[str]:
    """The pieces after the special and byte tokens, in merge order; single characters come last, as the worst merges."""
    counts = Counter(chunk for text in texts for chunk in chunks(text))
    words = {chunk: list(chunk) for chunk in counts}
    letters = sorted({letter for chunk in counts for letter in chunk})
    pieces: list[str] = []
    while len(pieces) < size - len(SPECIAL) - 256 - len(letters):
        pairs: Counter[tuple[str, str]] = Counter()
        for chunk, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[chunk]
        (left, right), _ = min(pairs.items(), key=lambda item: (-item[1], item[0]))
        if left + right not in pieces:
            pieces.append(left + right)
        for chunk, symbols in words.items():
            if left in symbols:
                words[chunk] = merged(symbols, left, right)
    return pieces + letters


class Vocabulary:
    def __init__(self, pieces: list[str]) -> None:
        self.tokens = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)] + pieces
        self.scores = [0.0] * (len(SPECIAL) + 256) + [-float(rank + 1) for rank in range(len(pieces))]
        self.ids = {piece: index + len(SPECIAL) + 256 for index, piece in enumerate(pieces)}
        self.known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        return [token for chunk in chunks(text) for token in self.encode_chunk(chunk)]

    def encode_chunk(self, chunk: str) -> list[int]:
        if chunk not in self.known:
            self.known[chunk] = self.merge(list(chunk))
        return self.known[chunk]

    def merge(self, symbols: list[str]) -> list[int]:
        while True:
            pairs = [(self.ids[left + right], at) for at, (left, right) in enumerate(zip(symbols, symbols[1:])) if left + right in self.ids]
            if not pairs:
                break
            _, at = min(pairs)
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
        return [token for symbol in symbols for token in self.ids_of(symbol)]

    def ids_of(self, symbol: str) -> list[int]:
        if symbol in self.ids:
            return [self.ids[symbol]]
        return [len(SPECIAL) + byte for byte in symbol.encode()]

    def encode_document(self, document: dict) -> tuple[list[int], list[bool]]:
        """Token ids, and which of them the model has to learn to write (its own turns, not the user's)."""
        if "text" in document:
            body = self.encode(document["text"]) + [END]
            return [START] + body, [False] + [True] * len(body)
        ids, own = [START], [False]
        for message in document["messages"]:
            body = self.encode(message["content"]) + [END]
            ids += [ROLE[message["role"]]] + body
            own += [False] + [message["role"] == "assistant"] * len(body)
        return ids, own
