"""A writer for the GGUF v3 container: header, metadata, tensor table, aligned tensor data."""

import struct
from typing import BinaryIO

import numpy

ALIGNMENT = 32
UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
INT32 = 5
TENSOR_TYPE = {numpy.dtype("float32"): 0, numpy.dtype("float16"): 1}

Value = int | float | bool | str | list[str] | list[int] | list[float]


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def element(value: int | float | str) -> tuple[int, bytes]:
    if isinstance(value, str):
        return STRING, text(value)
    return (FLOAT32, struct.pack("<f", value)) if isinstance(value, float) else (INT32, struct.pack("<i", value))


def encoded(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<IB", BOOL, value)
    if isinstance(value, list):
        items = [element(item) for item in value]
        return struct.pack("<IIQ", ARRAY, items[0][0], len(items)) + b"".join(data for _, data in items)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    kind, data = element(value)
    return struct.pack("<I", kind) + data


def padding(length: int) -> bytes:
    return b"\0" * (-length % ALIGNMENT)


def write(file: BinaryIO, metadata: dict[str, Value], tensors: dict[str, numpy.ndarray]) -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(key) + encoded(value) for key, value in metadata.items())
    offset = 0
    for name, values in tensors.items():
        # GGUF lists dimensions innermost first, numpy outermost first.
        shape = values.shape[::-1]
        head += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", TENSOR_TYPE[values.dtype], offset)
        offset += values.nbytes + len(padding(values.nbytes))
    file.write(head + padding(len(head)))
    for values in tensors.values():
        file.write(numpy.ascontiguousarray(values).tobytes() + padding(values.nbytes))
