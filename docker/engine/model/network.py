"""The llama architecture in plain torch: RMS norm, interleaved RoPE, SwiGLU, embeddings shared with the output."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-5
ROPE_BASE = 10_000.0


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 1024
    context: int = 512
    width: int = 128
    layers: int = 5
    heads: int = 4
    hidden: int = 352


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def rotations(context: int, head: int) -> tuple[torch.Tensor, torch.Tensor]:
    angles = torch.outer(torch.arange(context).float(), ROPE_BASE ** (-torch.arange(0, head, 2).float() / head))
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turns neighbouring pairs, which is llama.cpp's NORM order: no weight needs permuting on export."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head = shape.heads, shape.width // shape.heads
        self.attn_norm, self.ffn_norm = Norm(shape.width), Norm(shape.width)
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))
        self.ffn_gate, self.ffn_up = (nn.Linear(shape.width, shape.hidden, bias=False) for _ in range(2))
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def attend(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = (part(x).view(batch, length, self.heads, self.head).transpose(1, 2) for part in (self.attn_q, self.attn_k, self.attn_v))
        weights = torch.matmul(rotate(q, cos, sin) * self.head**-0.5, rotate(k, cos, sin).transpose(-1, -2))
        mixed = torch.matmul(functional.softmax(weights + mask, dim=-1), v)
        return self.attn_output(mixed.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.attn_norm(x), cos, sin, mask)
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Network(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width)
        cos, sin = rotations(shape.context, shape.width // shape.heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.register_buffer("mask", torch.full((shape.context, shape.context), float("-inf")).triu(1), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        for layer in self.blk:
            for out in (layer.attn_output, layer.ffn_down):
                nn.init.normal_(out.weight, std=0.02 / (2 * shape.layers) ** 0.5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        length = ids.shape[1]
        x = self.token_embd(ids)
        for layer in self.blk:
            x = layer(x, self.cos[:length], self.sin[:length], self.mask[:length, :length])
        return self.output_norm(x)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(hidden, self.token_embd.weight)
