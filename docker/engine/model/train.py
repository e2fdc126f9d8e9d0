"""Trains the try-out model on one CPU thread and writes it as GGUF. Run by hand; see README.md beside this file.

usage: train.py --corpus corpus.jsonl --steps N --out rigshift-tryout.gguf
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from torch.nn import functional

from export import export
from network import Network, Shape
from vocabulary import SPACE, Vocabulary, learn

SEED = 7410
PEAK_RATE, LEAST_RATE, WARM_UP = 3e-3, 1e-4, 100
VALIDATION_DOCUMENTS = 600
SAMPLES = ["Hello there.", "What is a GPU?", "the rig  mines\nat night", "naïve café ☕ 42%", "Once upon a time, there was a fox.", f"a{SPACE}b", "don't panic!!"]
# Most documents are short: most steps train on half the context, which is faster.
SHORT_SHARE = 0.6


def windows(documents: list[tuple[list[int], list[bool]]], length: int, rng: random.Random) -> list[tuple[list[int], list[bool]]]:
    """Every window opens with the start of a document, as every request does."""
    order = list(range(len(documents)))
    rng.shuffle(order)
    out, ids, own = [], [], []
    for index in order:
        ids, own = ids + documents[index][0], own + documents[index][1]
        if len(ids) > length:
            out.append((ids[: length + 1], own[: length + 1]))
            ids, own = [], []
    return out


def loss_of(network: Network, batch: list[tuple[list[int], list[bool]]]) -> torch.Tensor:
    ids = torch.tensor([window[0] for window in batch])
    own = torch.tensor([window[1] for window in batch])[:, 1:]
    return functional.cross_entropy(network.logits(network(ids[:, :-1])[own]), ids[:, 1:][own])


def rate_at(step: int, steps: int) -> float:
    if step < WARM_UP:
        return PEAK_RATE * (step + 1) / WARM_UP
    progress = (step - WARM_UP) / max(1, steps - WARM_UP)
    return LEAST_RATE + (PEAK_RATE - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * progress))


def validate(network: Network, held_out: list[tuple[list[int], list[bool]]]) -> float:
    with torch.no_grad():
        losses = [loss_of(network, held_out[at : at + 8]).item() for at in range(0, len(held_out) - 7, 8)]
    return sum(losses) / len(losses)


def texts_of(document: dict) -> list[str]:
    return [document["text"]] if "text" in document else [message["content"] for message in document["messages"]]


def read_corpus(path: Path, size: int) -> tuple[Vocabulary, list, list]:
    documents = [json.loads(line) for line in path.open()]
    learned = learn([text for document in documents[:20_000] for text in texts_of(document)], size)
    vocabulary = Vocabulary(learned)
    encoded = [vocabulary.encode_document(document) for document in documents]
    return vocabulary, encoded[VALIDATION_DOCUMENTS:], encoded[:VALIDATION_DOCUMENTS]


def batches(documents: list, shape: Shape, tokens: int, steps: int, rng: random.Random):
    step = 0
    while step < steps:
        length = shape.context // 2 if step < steps * SHORT_SHARE else shape.context
        pool = windows(documents, length, rng)
        rng.shuffle(pool)
        size = tokens // length
        for at in range(0, len(pool) - size + 1, size):
            if step >= steps or (length < shape.context and step >= steps * SHORT_SHARE):
                break
            yield step, pool[at : at + size]
            step += 1


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    shape = Shape()
    vocabulary, documents, held_out_documents = read_corpus(options.corpus, shape.vocabulary)
    held_out = windows(held_out_documents, shape.context, random.Random(SEED))
    network = Network(shape)
    print(f"tokens {sum(len(ids) for ids, _ in documents)}  parameters {sum(p.numel() for p in network.parameters())}", flush=True)
    groups = [{"params": [p for p in network.parameters() if p.dim() == 2], "weight_decay": 0.05},
              {"params": [p for p in network.parameters() if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    began = time.time()
    for step, batch in batches(documents, shape, options.batch_tokens, options.steps, rng):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, options.steps)
        loss = loss_of(network, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step}  loss {loss.item():.3f}  {time.time() - began:.0f} s", flush=True)
        if step % 200 == 199 or step == options.steps - 1:
            print(f"step {step}  validation {validate(network, held_out):.4f} nats a token", flush=True)
            export(network, shape, vocabulary, options.out)
    write_samples(vocabulary, options.out.with_name("tokens.json"))


def write_samples(vocabulary: Vocabulary, path: Path) -> None:
    samples = [{"text": text, "ids": vocabulary.encode(text)} for text in SAMPLES]
    lines = ",\n".join("  " + json.dumps(sample, ensure_ascii=False) for sample in samples)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--out", type=Path, required=True)
    train(parser.parse_args())
