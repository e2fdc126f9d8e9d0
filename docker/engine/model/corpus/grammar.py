"""Turns a template such as "the {cold|warm} $place" into one sentence."""

import random
import re

INNERMOST = re.compile(r"\{([^{}]*)\}")
VARIABLE = re.compile(r"\$(\w+)")


def expand(rng: random.Random, template: str, words: dict[str, str] | None = None) -> str:
    """Alternatives are chosen from the inside out; an unknown $name is an error, never silent text."""
    text = template
    while (found := INNERMOST.search(text)) is not None:
        choice = rng.choice(found.group(1).split("|"))
        text = text[: found.start()] + choice + text[found.end() :]
    text = VARIABLE.sub(lambda name: (words or {})[name.group(1)], text)
    return re.sub(r" +([.,;!?])", r"\1", re.sub(r" {2,}", " ", text)).strip()


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun
