"""Writes the trained network as a GGUF file that llama.cpp loads without any conversion."""

import hashlib
from pathlib import Path

import numpy

from gguf import write
from network import EPSILON, ROPE_BASE, Network, Shape
from vocabulary import END, SPECIAL, START, UNKNOWN, Vocabulary

NAME = "rigshift-tryout"
LABEL = "try-out model, not an assistant"
NORMAL, UNKNOWN_TOKEN, CONTROL, BYTE = 1, 2, 3, 6
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}<|system|>{% elif message['role'] == 'user' %}<|user|>{% else %}<|assistant|>{% endif %}"
    "{{ message['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def token_types(vocabulary: Vocabulary) -> list[int]:
    special = [UNKNOWN_TOKEN] + [CONTROL] * (len(SPECIAL) - 1)
    return special + [BYTE] * 256 + [NORMAL] * (len(vocabulary.tokens) - len(special) - 256)


def metadata(shape: Shape, vocabulary: Vocabulary) -> dict:
    return {
        "general.architecture": "llama",
        "general.name": NAME,
        "general.description": "Trained by the Rigshift project on text of its own making, to try out inference",
        "general.license": "apache-2.0",
        "general.file_type": 1,
        "general.sampling.temp": 0.7,
        "general.sampling.top_p": 0.95,
        "rigshift.label": LABEL,
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.hidden,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.heads,
        "llama.attention.layer_norm_rms_epsilon": EPSILON,
        "llama.rope.dimension_count": shape.width // shape.heads,
        "llama.rope.freq_base": ROPE_BASE,
        "llama.vocab_size": shape.vocabulary,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": vocabulary.tokens,
        "tokenizer.ggml.scores": vocabulary.scores,
        "tokenizer.ggml.token_type": token_types(vocabulary),
        "tokenizer.ggml.bos_token_id": START,
        "tokenizer.ggml.eos_token_id": END,
        "tokenizer.ggml.eot_token_id": END,
        "tokenizer.ggml.unknown_token_id": UNKNOWN,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def export(network: Network, shape: Shape, vocabulary: Vocabulary, path: Path) -> None:
    tensors = {}
    for name, parameter in network.state_dict().items():
        values = parameter.detach().numpy()
        tensors[name] = values.astype(numpy.float16 if values.ndim == 2 else numpy.float32)
    with open(path, "wb") as file:
        write(file, metadata(shape, vocabulary), tensors)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
