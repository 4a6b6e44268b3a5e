#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a CLIP model of real size and random weights, to measure with where the real weights are not at hand.

    make-clip.py FOLDER [b-32|b-16|l-14]      then: SACCADE_MODELS=<its parent> saccade bench encode --model <its name>
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np

# patch; picture width, depth, heads; text width, heads; projection (Radford et al. 2021, table 20)
SIZES = {"b-32": (32, 768, 12, 12, 512, 8, 512), "b-16": (16, 768, 12, 12, 512, 8, 512), "l-14": (14, 1024, 24, 16, 768, 12, 768)}


def layer(prefix, width):
    for projection in "qkv":
        yield from ((f"{prefix}.self_attn.{projection}_proj.weight", (width, width)), (f"{prefix}.self_attn.{projection}_proj.bias", (width,)))
    yield from ((f"{prefix}.self_attn.out_proj.weight", (width, width)), (f"{prefix}.self_attn.out_proj.bias", (width,)),
                (f"{prefix}.mlp.fc1.weight", (4 * width, width)), (f"{prefix}.mlp.fc1.bias", (4 * width,)),
                (f"{prefix}.mlp.fc2.weight", (width, 4 * width)), (f"{prefix}.mlp.fc2.bias", (width,)))
    for number in "12":
        yield from ((f"{prefix}.layer_norm{number}.weight", (width,)), (f"{prefix}.layer_norm{number}.bias", (width,)))


def tensors(patch, width, depth, text_width, projection, vocabulary):
    picture, text = "vision_model", "text_model"
    yield f"{picture}.embeddings.class_embedding", (width,)
    yield f"{picture}.embeddings.patch_embedding.weight", (width, 3, patch, patch)
    yield f"{picture}.embeddings.position_embedding.weight", ((224 // patch) ** 2 + 1, width)
    for norm in ("pre_layrnorm", "post_layernorm"):
        yield from ((f"{picture}.{norm}.weight", (width,)), (f"{picture}.{norm}.bias", (width,)))
    for number in range(depth):
        yield from layer(f"{picture}.encoder.layers.{number}", width)
    yield f"{text}.embeddings.token_embedding.weight", (vocabulary, text_width)
    yield f"{text}.embeddings.position_embedding.weight", (77, text_width)
    yield from ((f"{text}.final_layer_norm.weight", (text_width,)), (f"{text}.final_layer_norm.bias", (text_width,)))
    for number in range(12):
        yield from layer(f"{text}.encoder.layers.{number}", text_width)
    yield from (("visual_projection.weight", (projection, width)), ("text_projection.weight", (projection, text_width)))


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-") or sys.argv[2:] and sys.argv[2] not in SIZES:
        sys.exit(f"usage: make-clip.py FOLDER [{'|'.join(SIZES)}]")
    folder = pathlib.Path(sys.argv[1])
    patch, width, depth, heads, text_width, text_heads, projection = SIZES[sys.argv[2] if sys.argv[2:] else "b-32"]
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(byte) for byte in [*range(33, 127), *range(161, 173), *range(174, 256)]] + [chr(256 + n) for n in range(68)]
    words = letters + [letter + "</w>" for letter in letters] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "clip", "projection_dim": projection,
        "vision_config": {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": depth, "num_attention_heads": heads,
                          "patch_size": patch},
        "text_config": {"hidden_size": text_width, "intermediate_size": 4 * text_width, "num_hidden_layers": 12, "num_attention_heads": text_heads,
                        "vocab_size": 49408, "eos_token_id": len(words) - 1}}, indent=1))
    shapes = dict(tensors(patch, width, depth, text_width, projection, 49408))
    header, position = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [position, position + size]}
        position += size
    text = json.dumps(header).encode()
    random = np.random.default_rng(1)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            scale = 1 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 0.1
            values = random.standard_normal(shape, np.float32) * np.float32(scale)
            file.write((values + np.float32("norm" in name and name.endswith(".weight"))).astype("<f4").tobytes())


main()
