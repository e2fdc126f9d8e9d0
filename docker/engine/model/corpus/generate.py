"""Writes the try-out model's corpus: one JSON document a line, the same for the same seed.

usage: generate.py --documents N --seed S > corpus.jsonl
"""

import argparse
import json
import random
import sys

from diary import pages
from facts import FACTS, TOPIC_NAMES
from grammar import expand, sentence, with_article
from stories import ANIMALS, THINGS, story
from talk import CLOSERS, FACT_ASKS, INTENTS, NOUNS, OPENERS, PLAIN, STORY_ASKS, SYSTEM, TOPIC_STORY_ASKS, VERBS

SYLLABLES = ["ka", "lo", "mi", "ter", "ven", "zu", "bra", "sho", "pel", "ix", "or", "ant", "qui", "del", "fro", "ney", "gu", "ras", "tion", "wex", "by", "ole", "j", "h", "st"]
TAGS = ["please", "thanks", "quickly", "in one sentence", "in a few words", "for me", "now", "if you can", "briefly", "today"]


def facts_about(rng: random.Random, topic: str, count: int, name: str = "") -> str:
    """A fact that speaks of what was asked for comes first, where there is one."""
    lines = rng.sample(FACTS[topic], len(FACTS[topic]))
    asked = name.lower().split(" ")[-1].rstrip("s")
    if asked:
        lines.sort(key=lambda line: asked not in line.lower())
    lines = lines[:count]
    return " ".join(sentence(expand(rng, line)) for line in lines)


def misspell(rng: random.Random, text: str) -> str:
    """People mistype: a letter lost, doubled or swapped should not change the answer."""
    if len(text) < 5:
        return text
    at = rng.randrange(1, len(text) - 2)
    return rng.choice([text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:], text[:at] + text[at + 1] + text[at] + text[at + 2 :]])


def as_typed(rng: random.Random, text: str) -> str:
    """The same question in the many ways people type it."""
    roll = rng.random()
    if roll < 0.12:
        text = rng.choice(["please ", "hey, ", "ok, ", "so ", "hi, ", "and ", "well, ", "now ", "hello! ", "Hi! ", "good morning, ", "hey there! "]) + text
    if rng.random() < 0.12:
        text = text.rstrip("?") + " " + rng.choice(TAGS)
    if rng.random() < 0.5:
        text = sentence(text)
    if rng.random() < 0.2:
        text = text.rstrip("?.")
    if rng.random() < 0.08:
        text = misspell(rng, text)
    if rng.random() < 0.04:
        text = text.upper() if rng.random() < 0.5 else text.lower()
    return text + (rng.choice([".", "!", "?", "..."]) if text[-1].isalpha() and rng.random() < 0.3 else "")


def nonsense(rng: random.Random, most: int) -> str:
    return "".join(rng.choices(SYLLABLES, k=rng.randint(1, most)))


def gibberish(rng: random.Random) -> str:
    """Words the model has never met, so that an unknown question still gets plain English back."""
    words = [nonsense(rng, 3) for _ in range(rng.randint(1, 9))]
    frame = rng.choice(["$w", "$w?", "what is $w?", "tell me about $w", "who is $w?", "how do I $w?", "why does $w?", "can you $w?", "write $w", "I like $w", "the $w is $w", "$w 123", "where is $w?", "{\"$w\"}", "my $w does not work", "explain $w"])
    return frame.replace("$w", " ".join(words))


def ask_with_words(rng: random.Random, template: str) -> str:
    """Ordinary words in questions the model cannot answer, so that it does not take each of them for a topic of its own."""
    plain = " ".join(rng.choice(PLAIN + NOUNS) for _ in range(rng.randint(3, 25)))
    text = expand(rng, template, {"words": plain, "noun": "$noun", "verb": rng.choice(VERBS)})
    while "$noun" in text:
        text = text.replace("$noun", rng.choice(NOUNS), 1)
    return text


def exchange(rng: random.Random) -> tuple[str, str]:
    roll = rng.random()
    if roll < 0.17:
        if rng.random() < 0.5:
            return as_typed(rng, expand(rng, rng.choice(STORY_ASKS))), story(rng)
        kind = nonsense(rng, 3) if rng.random() < 0.1 else rng.choice(ANIMALS + THINGS)
        return as_typed(rng, expand(rng, rng.choice(TOPIC_STORY_ASKS), {"topic": with_article(kind)})), story(rng, kind)
    if roll < 0.46:
        topic = rng.choice(list(FACTS))
        name = rng.choice(TOPIC_NAMES[topic])
        ask = expand(rng, rng.choice(FACT_ASKS), {"topic": name})
        answer = expand(rng, rng.choice(OPENERS)) + " " + facts_about(rng, topic, rng.choice([1, 2, 2, 3]), name) + " " + expand(rng, rng.choice(CLOSERS))
        return as_typed(rng, ask), " ".join(answer.split())
    if roll < 0.56:
        return gibberish(rng), expand(rng, rng.choice(INTENTS["unknown"][1]))
    intent = rng.choice(list(INTENTS) + ["who", "why_mining", "greeting", "unknown", "unknown", "unknown", "unknown", "switch"])
    asks, answers = INTENTS[intent]
    return as_typed(rng, ask_with_words(rng, rng.choice(asks))), expand(rng, rng.choice(answers))


def chat(rng: random.Random) -> dict[str, object]:
    messages = []
    if rng.random() < 0.3:
        messages.append({"role": "system", "content": expand(rng, rng.choice(SYSTEM))})
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3, 4, 6])):
        ask, answer = exchange(rng)
        messages += [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]
    return {"messages": messages}


def document(rng: random.Random) -> dict[str, object]:
    roll = rng.random()
    if roll < 0.62:
        return chat(rng)
    if roll < 0.74:
        return {"text": story(rng)}
    if roll < 0.84:
        return {"text": pages(rng)}
    return {"text": facts_about(rng, rng.choice(list(FACTS)), rng.randint(1, 5))}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, required=True)
    options.add_argument("--seed", type=int, default=7410)
    chosen = options.parse_args()
    rng = random.Random(chosen.seed)
    for _ in range(chosen.documents):
        sys.stdout.write(json.dumps(document(rng), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
