#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what the networks are held to: small checkpoints of random weights, and what the reference implementations (torch,
transformers, OpenCLIP, Pillow) compute with them.

    make-parity.py [FOLDER [NAME …]]      FOLDER is parity/ beside this script unless it is given; NAME: only those of the models
                                          (and of preprocess, squash)

Each model's folder also holds expected.safetensors: "picture.N" and "text.N" are the inputs (bytes), "pictures", "texts" and "queries"
the unit vectors they must give, "calibration" the queries' floors and ceilings. The weights are drawn so wide that different inputs give clearly
different vectors, or a wrong network would pass: the script asserts it. preprocess.safetensors and squash.safetensors hold crops as Pillow
makes them. All of it is committed; this script is run by hand when a network is added.
"""
import json
import math
import pathlib
import shutil
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from PIL import Image
from safetensors.torch import save_file

TEXTS = ["a dog", "A DOG!", "two red birds on a branch", "it's raining 1234 cats & dogs, isn't it?", "", "zzzz qqqq",
         "naïve café — 日本語 🎬", "the cat sat on the mat and looked at the other cat, which sat on another mat and looked back, "
         "for as long as cats do that, which is longer than any tokenizer of this size cares to read"]
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
RANDOM = np.random.default_rng(20)


def picture(width, height):
    """Smooth blobs and some noise: neighbours are alike as in a photograph, pictures are not."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height, 2)
    channels = [sum(RANDOM.normal() * np.sin(RANDOM.uniform(2, 25) * x + RANDOM.uniform(2, 25) * y + RANDOM.uniform(0, 6)) for _ in range(4))
                for _ in range(3)]
    values = 128 + RANDOM.uniform(-60, 60) + 40 * np.stack(channels, -1) + RANDOM.normal(0, 12, (height, width, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def crops(pixels, resize, side, count, resample=Image.BICUBIC):
    """torchvision's Resize (bicubic) and CenterCrop on Pillow, or `count` crops along the long side."""
    height, width = pixels.shape[:2]
    long_side = int(resize * max(width, height) / min(width, height))
    width, height = (resize, long_side) if width < height else (long_side, resize)
    image = Image.fromarray(pixels)
    if image.size != (width, height):
        # One pass a call: Pillow has always gone across first, but newer ones go down first where a picture is very tall.
        image = image.resize((width, image.height), resample).resize((width, height), resample)
    left, top = round((width - side) / 2), round((height - side) / 2)
    for index in range(count):
        if count > 1:
            left, top = (round((width - side) * index / (count - 1)), top) if width >= height else (left, round((height - side) * index / (count - 1)))
        yield np.array(image.crop((left, top, left + side, top + side)))


def squashed(pixels, side, resample):
    """The whole picture as a square, as SigLIP's processor resizes it."""
    image = Image.fromarray(pixels)
    return np.array(image.resize((side, image.height), resample).resize((side, side), resample))


def widen(module, scale):
    """Random weights at `scale` times the width at which a layer keeps its input's size."""
    generator = torch.Generator().manual_seed(7)
    for name, weight in module.named_parameters():
        draw = torch.randn(weight.shape, generator=generator)
        if "norm" in name.lower() or "layrnorm" in name or "ln_" in name or "_ln" in name:
            weight.data = (1 + 0.2 * draw) if name.endswith("weight") else 0.2 * draw
        elif ("embedding" in name and "patch" not in name) or "cls_emb" in name:
            weight.data = draw
        elif weight.dim() > 1:
            weight.data = draw * scale / math.sqrt(weight[0].numel())
        else:
            weight.data = 0.1 * draw


def unit(vectors):
    return F.normalize(vectors.float(), dim=-1)


def check_different(name, vectors):
    cosines = vectors @ vectors.T - 2 * torch.eye(len(vectors))
    assert cosines.max() < 0.98, f"{name}: two different inputs give a cosine of {cosines.max():.4f}"
    print(f"{name}: {tuple(vectors.shape)}, largest cosine between two {cosines.max():.3f}")


def save_expected(folder, inputs, **vectors):
    tensors = {f"picture.{i}": torch.tensor(pixels) for i, pixels in enumerate(inputs)}
    tensors |= {f"text.{i}": torch.tensor(list(text.encode()), dtype=torch.uint8) for i, text in enumerate(TEXTS)}
    save_file(tensors | {name: value.clone() for name, value in vectors.items()}, folder / "expected.safetensors")


def as_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def save_weights(folder, module, dtype, file="model.safetensors", without=("position_ids",)):
    """Stores the weights as dtype, and makes the module compute with what was stored."""
    module.to(dtype).float()
    save_file({name: value.to(dtype).contiguous() for name, value in module.state_dict().items() if not any(part in name for part in without)},
              folder / file)


def make_clip_tokenizer(folder):
    """CLIP's kind of vocabulary: every byte, every byte that ends a word, some merges, the two special tokens."""
    bytes_to_unicode = {byte: chr(byte) for byte in [*range(33, 127), *range(161, 173), *range(174, 256)]}
    bytes_to_unicode |= {byte: chr(256 + n) for n, byte in enumerate(byte for byte in range(256) if byte not in bytes_to_unicode)}
    letters = [bytes_to_unicode[byte] for byte in sorted(bytes_to_unicode)]
    merges = ["a t</w>", "d o", "do g</w>", "t h", "th e</w>", "o n</w>", "c at</w>", "l o", "i n", "e r</w>", "t w", "tw o</w>", "i s</w>", "' s</w>",
              "c a", "m at</w>"]
    tokens = letters + [letter + "</w>" for letter in letters] + [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    as_json(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")), len(tokens)


def make_clip(folder, vision, text, projection, dtype, old_end, resize=None, mean=MEAN, deviation=DEVIATION):
    tokenizer, vocabulary = make_clip_tokenizer(folder)
    end = 2 if old_end else vocabulary - 1
    config = transformers.CLIPConfig(
        vision_config=vision, text_config={"vocab_size": vocabulary, "bos_token_id": vocabulary - 2, "eos_token_id": end, **text},
        projection_dim=projection)
    model = transformers.CLIPModel(config).eval()
    widen(model, 1.6)
    save_weights(folder, model, dtype)
    as_json(folder / "config.json", {"model_type": "clip", "projection_dim": projection, "vision_config": vision,
                                     "text_config": {"vocab_size": vocabulary, "eos_token_id": end, **text}})
    side = vision["image_size"]
    if resize:
        as_json(folder / "preprocessor_config.json",
                {"size": {"shortest_edge": resize}, "crop_size": {"height": side, "width": side}, "image_mean": mean, "image_std": deviation})
    pictures = [picture(*size) for size in ((64, 48), (37, 71), (side, side), (20, 20), (90, 33))]
    pixels = torch.tensor(np.stack([next(crops(p, resize or side, side, 1)) for p in pictures])).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    vectors = unit(model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output))
    limit = text["max_position_embeddings"]
    ids = []
    for words in TEXTS:
        tokens = tokenizer(words, add_special_tokens=False)["input_ids"][:limit - 2]
        ids.append([vocabulary - 2, *tokens, vocabulary - 1])
    text_vectors = torch.cat([
        unit(model.text_projection(model.text_model(input_ids=torch.tensor([row])).pooler_output)) for row in ids])
    check_different(folder.name + " pictures", vectors)
    check_different(folder.name + " texts", torch.cat([text_vectors[:1], text_vectors[2:]]))  # "A DOG!" is "a dog" but for one token
    save_expected(folder, pictures, pictures=vectors, texts=text_vectors, queries=text_vectors)


def make_open_clip(folder, seed, side, vision, text, dim, file, preprocess, quick_gelu=False, custom_text=False, coca=False):
    """OpenCLIP's own layout: its configuration, its tensors' names, rows of ids that are filled up with zeros."""
    from open_clip.coca_model import CoCa
    from open_clip.model import CLIP, CustomTextCLIP

    global RANDOM
    RANDOM = np.random.default_rng(seed)
    tokenizer, vocabulary = make_clip_tokenizer(folder)
    text = {"vocab_size": vocabulary, **text}
    limit = text["context_length"]
    cfg = {"embed_dim": dim, "vision_cfg": vision, "text_cfg": text}
    if quick_gelu:
        cfg["quick_gelu"] = True
    if custom_text:
        cfg["custom_text"] = True
    if coca:
        cfg["multimodal_cfg"] = {"context_length": limit, "vocab_size": vocabulary, "width": text["width"], "heads": text["heads"], "layers": 1}
    kind = CoCa if coca else CustomTextCLIP if custom_text else CLIP
    model = kind(**{key: value for key, value in cfg.items() if key != "custom_text"}).eval()
    widen(model, 1.6)
    # The decoder of captions is no part of the vectors.
    save_weights(folder, model, torch.float16, file, without=("text_decoder.",))
    as_json(folder / "open_clip_config.json", {"model_cfg": cfg, "preprocess_cfg": preprocess})
    resample = Image.BILINEAR if preprocess.get("interpolation") == "bilinear" else Image.BICUBIC
    pictures = [picture(*size) for size in ((50, 38), (27, 51), (side, side), (16, 16), (70, 23))]
    if preprocess.get("resize_mode") == "squash":
        made = [squashed(p, side, resample) for p in pictures]
    else:
        made = [next(crops(p, side, side, 1, resample)) for p in pictures]
    pixels = torch.tensor(np.stack(made)).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(preprocess.get("mean", MEAN))[:, None, None]) / torch.tensor(preprocess.get("std", DEVIATION))[:, None, None]
    vectors = model.encode_image(pixels, normalize=True)
    ids = torch.zeros(len(TEXTS), limit, dtype=torch.long)
    for row, words in zip(ids, TEXTS):
        tokens = [vocabulary - 2, *tokenizer(words, add_special_tokens=False)["input_ids"][:limit - 2], vocabulary - 1]
        row[:len(tokens)] = torch.tensor(tokens)
    text_vectors = model.encode_text(ids, normalize=True)
    check_different(folder.name + " pictures", vectors)
    check_different(folder.name + " texts", torch.cat([text_vectors[:1], text_vectors[2:]]))
    save_expected(folder, pictures, pictures=vectors, texts=text_vectors, queries=text_vectors)


def make_xclip(folder):
    """Each of "pictures" is of num_frames of the pictures; the last clip is the first one backwards."""
    global RANDOM
    RANDOM = np.random.default_rng(27)
    tokenizer, vocabulary = make_clip_tokenizer(folder)
    side, resize, limit, frames, projection = 28, 32, 25, 4, 32
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    vision = {"hidden_size": 30, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": side, "patch_size": 9,
              "num_frames": frames, "mit_hidden_size": projection, "mit_intermediate_size": 40, "mit_num_hidden_layers": 2,
              "mit_num_attention_heads": 4, "hidden_act": "quick_gelu"}
    text = {"hidden_size": 28, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": limit,
            "hidden_act": "gelu", "layer_norm_eps": 1e-6, "vocab_size": vocabulary, "eos_token_id": 2}
    prompts = {"prompt_layers": 1, "prompt_num_attention_heads": 2}
    model = transformers.XCLIPModel(transformers.XCLIPConfig(vision_config=vision, text_config=text, projection_dim=projection, **prompts)).eval()
    widen(model, 1.6)
    # Wider still, or the order of the frames would hardly matter.
    for weight in model.mit.encoder.parameters():
        weight.data *= 1.5 if weight.dim() > 1 else 1
    save_weights(folder, model, torch.float16, without=("position_ids", "prompts_"))
    as_json(folder / "config.json", {"model_type": "xclip", "projection_dim": projection, "vision_config": vision, "text_config": text, **prompts})
    as_json(folder / "preprocessor_config.json", {"size": {"shortest_edge": resize}, "crop_size": {"height": side, "width": side}, "resample": 2,
                                                  "image_mean": mean, "image_std": deviation})
    clips = [[picture(*size) for _ in range(frames)] for size in ((40, 33), (34, 44), (resize, resize), (21, 20))]
    clips.append(clips[0][::-1])
    pixels = torch.tensor(np.stack([next(crops(frame, resize, side, 1, Image.BILINEAR)) for clip in clips for frame in clip])).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    vectors = unit(model.get_video_features(pixels.reshape(len(clips), frames, 3, side, side)).pooler_output)
    ids = [[vocabulary - 2, *tokenizer(words, add_special_tokens=False)["input_ids"][:limit - 2], vocabulary - 1] for words in TEXTS]
    text_vectors = torch.cat([unit(model.get_text_features(torch.tensor([row])).pooler_output) for row in ids])
    check_different("xclip clips", vectors)
    check_different("xclip texts", torch.cat([text_vectors[:1], text_vectors[2:]]))
    save_expected(folder, [frame for clip in clips for frame in clip], pictures=vectors, texts=text_vectors, queries=text_vectors)


def make_siglip_tokenizer(folder):
    """The small SentencePiece model that the tokenizer is tested with, and the reference's way to ids."""
    import sentencepiece
    from transformers.models.siglip.tokenization_siglip import SiglipTokenizer

    source = pathlib.Path(__file__).resolve().parent.parent / "text" / "data" / "unigram-small"
    for name in ("spiece.model", "tokenizer_config.json"):
        shutil.copy(source / name, folder / name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    canonical = types.SimpleNamespace(do_lower_case=True, remove_punctuation=lambda text: SiglipTokenizer.remove_punctuation(None, text))
    return lambda text: processor.encode(SiglipTokenizer.canonicalize_text(canonical, text)), processor.get_piece_size()


def make_siglip2_tokenizer(folder):
    """Gemma's kind, whose texts transformers fills up at the front unless the configuration says the back, as published ones do."""
    import sentencepiece

    source = pathlib.Path(__file__).resolve().parent.parent / "text" / "data" / "pairs-small"
    shutil.copy(source / "tokenizer.model", folder / "tokenizer.model")
    as_json(folder / "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "padding_side": "left"})
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    return lambda text: processor.encode("".join(letter.lower() for letter in text)), processor.get_piece_size()


def make_siglip(folder, seed, make_tokenizer, side, patch, vision, text, end=1, pad=1, pad_first=False, scale=2):
    global RANDOM
    RANDOM = np.random.default_rng(seed)
    tokenize, vocabulary = make_tokenizer(folder)
    limit = text["max_position_embeddings"]
    vision = {**vision, "image_size": side, "patch_size": patch}
    text = {**text, "vocab_size": vocabulary, "projection_size": vision["hidden_size"], "layer_norm_eps": 1e-5}
    model = transformers.SiglipModel(transformers.SiglipConfig(vision_config=vision, text_config=text)).eval()
    widen(model, scale)
    save_weights(folder, model, torch.float16)
    as_json(folder / "config.json", {"model_type": "siglip", "vision_config": vision, "text_config": text})
    as_json(folder / "preprocessor_config.json", {"size": {"height": side, "width": side}, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    pictures = [picture(*size) for size in ((64, 48), (37, 71), (side, side), (20, 20), (90, 33))]
    pixels = torch.tensor(np.stack([squashed(p, side, Image.BICUBIC) for p in pictures])).permute(0, 3, 1, 2) / 255
    vectors = unit(model.vision_model(pixel_values=(pixels - 0.5) / 0.5).pooler_output)
    # No mask hides the padding.
    ids = [[*tokenize(words)[:limit - 1], end] for words in TEXTS]
    ids = [[pad] * (limit - len(row)) + row if pad_first else row + [pad] * (limit - len(row)) for row in ids]
    text_vectors = unit(model.text_model(input_ids=torch.tensor(ids)).pooler_output)
    check_different(folder.name + " pictures", vectors)
    check_different(folder.name + " texts", torch.cat([text_vectors[:1], text_vectors[2:]]))  # "A DOG!" is "a dog"
    save_expected(folder, pictures, pictures=vectors, texts=text_vectors, queries=text_vectors)


def make_bert_tokenizer(folder):
    words = "the a dog cat bird two red on it rain mat sat look other naive cafe".split()
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *alphabet, *"!?,.'&-", *("##" + letter for letter in alphabet), "##s", "##ing", "##ed",
                  "日", "本"]
    vocabulary = list(dict.fromkeys(vocabulary))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    as_json(folder / "tokenizer_config.json", {"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
    from tokenizers import BertWordPieceTokenizer
    return BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True), len(vocabulary)


def embed_sentences(model, tokenizer, limit):
    vectors = []
    for words in TEXTS:
        ids = tokenizer.encode(words).ids
        if len(ids) > limit:
            ids = ids[:limit - 1] + [ids[-1]]
        vectors.append(unit(model(input_ids=torch.tensor([ids])).last_hidden_state.mean(1)))
    return torch.cat(vectors)


BERT = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 100, "max_position_embeddings": 40,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}


def make_bert_model(folder):
    tokenizer, vocabulary = make_bert_tokenizer(folder)
    settings = {**BERT, "vocab_size": vocabulary}
    model = transformers.BertModel(transformers.BertConfig(**settings), add_pooling_layer=False).eval()
    widen(model, 1.4)
    return model, tokenizer, settings


def make_bert(folder):
    model, tokenizer, settings = make_bert_model(folder)
    save_weights(folder, model, torch.float32)
    as_json(folder / "config.json", {"model_type": "bert", **settings})
    vectors = embed_sentences(model, tokenizer, settings["max_position_embeddings"])
    check_different("bert texts", torch.cat([vectors[:1], vectors[2:]]))
    save_expected(folder, [], texts=vectors, queries=vectors)


def make_starter(folder):
    """EfficientNet-Lite0's kind of network as torch computes it with TensorFlow's "same" padding, and ConSE."""
    stages, side, count, classes, power = [(1, 3, 1, 1, 8), (2, 3, 2, 6, 12), (2, 5, 2, 4, 20)], 48, 3, 20, 0.5
    model, tokenizer, settings = make_bert_model(folder)
    save_weights(folder, model, torch.float16)
    weights = {"text." + name: value.half() for name, value in model.state_dict().items() if "position_ids" not in name}
    generator = torch.Generator().manual_seed(11)

    def convolution(x, name, channels, kernel, stride=1, groups=1, activate=True):
        inputs = x.shape[1] // groups
        weight = torch.randn(channels, inputs, kernel, kernel, generator=generator) * 1.6 / math.sqrt(inputs * kernel * kernel)
        bias = 0.3 * torch.randn(channels, generator=generator)
        weights[f"picture.{name}.weight"], weights[f"picture.{name}.bias"] = weight, bias
        missing = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:]]
        x = F.pad(x, (missing[1] // 2, missing[1] - missing[1] // 2, missing[0] // 2, missing[0] - missing[0] // 2))
        x = F.conv2d(x, weight, bias, stride=stride, groups=groups)
        return F.relu6(x) if activate else x

    pictures = [picture(*size) for size in ((160, 90), (60, 130), (48, 48), (17, 23))]
    windows = np.stack([crop for p in pictures for crop in crops(p, side, side, count)])
    x = (torch.tensor(windows).permute(0, 3, 1, 2).float() - 127) / 128
    x, block = convolution(x, "stem", 8, 3, 2), 0
    for repeats, kernel, stride, expansion, channels in stages:
        for repeat in range(repeats):
            y, step = x, stride if repeat == 0 else 1
            wide = x.shape[1] * expansion
            if expansion > 1:
                y = convolution(y, f"blocks.{block}.expand", wide, 1)
            y = convolution(y, f"blocks.{block}.depthwise", wide, kernel, step, wide)
            y = convolution(y, f"blocks.{block}.project", channels, 1, activate=False)
            x = x + y if step == 1 and x.shape == y.shape else y
            block += 1
    x = convolution(x, "head", 40, 1).mean((2, 3))
    # Pooled features differ little between pictures of noise: the classifier looks at how they differ.
    weights["picture.classifier.weight"] = 0.5 * torch.randn(classes, 40, generator=generator) / x.std(0).clamp(min=0.01)
    weights["picture.classifier.bias"] = -weights["picture.classifier.weight"] @ x.mean(0)
    x = F.linear(x, weights["picture.classifier.weight"], weights["picture.classifier.bias"])
    posterior = x.softmax(-1).reshape(len(pictures), count, classes).mean(1)

    texts = embed_sentences(model, tokenizer, settings["max_position_embeddings"])
    weights["class_vectors"] = unit(torch.randn(classes, settings["hidden_size"], generator=generator) / 7
                                    + texts[torch.arange(classes) % len(texts)])
    mean = weights["class_vectors"].mean(0)
    centred = weights["class_vectors"] - mean
    vectors, queries = unit(posterior ** power @ centred), unit(texts - mean)
    best = (queries @ unit(centred).T).topk(5).values.mean(1).clamp(min=0.2)
    check_different("starter pictures", vectors)
    check_different("starter queries", torch.cat([queries[:1], queries[2:]]))
    save_file(weights, folder / "model.safetensors")
    as_json(folder / "config.json", {
        "model_type": "saccade-starter", "text_config": settings,
        "picture_config": {"image_size": side, "crops": count, "stem_channels": 8, "head_channels": 40, "classes": classes, "power": power,
                           "stages": [dict(zip(("repeats", "kernel", "stride", "expansion", "channels"), stage)) for stage in stages]}})
    save_expected(folder, pictures, pictures=vectors, texts=texts, queries=queries,
             calibration=torch.stack([torch.zeros_like(best), best], 1))


def make_preprocess(path):
    """Each case: an input, and "resize, side" with the crops that it must give."""
    tensors = {}
    cases = [((50, 40), 32, 32, 1), ((41, 67), 24, 24, 1), ((24, 24), 24, 24, 1), ((25, 24), 24, 24, 1), ((24, 27), 24, 24, 3), ((1, 1), 16, 16, 1),
             ((1, 9), 16, 16, 1), ((9, 1), 8, 8, 3), ((7, 5), 32, 32, 1), ((120, 67), 33, 33, 3), ((60, 111), 17, 15, 1), ((300, 31), 12, 12, 3),
             ((97, 101), 96, 64, 1), ((3, 200), 7, 7, 1), ((60, 130), 48, 48, 3), ((31, 77), 12, 10, 4)]
    for number, ((width, height), resize, side, count) in enumerate(cases):
        pixels = picture(width, height)
        if number % 3 == 2:
            pixels = np.where(pixels > 128, 255, 0).astype(np.uint8)  # over- and undershoot must be cut off
        tensors[f"{number}.picture"] = torch.tensor(pixels)
        tensors[f"{number}.sizes"] = torch.tensor([resize, side], dtype=torch.int32)
        tensors[f"{number}.crops"] = torch.tensor(np.stack(list(crops(pixels, resize, side, count))))
    save_file(tensors, path)


def make_squash(path):
    """As make_preprocess(), with whether it is squashed and whether bilinear."""
    global RANDOM
    RANDOM = np.random.default_rng(22)
    tensors = {}
    cases = [((50, 40), 32, 1, 0), ((41, 67), 24, 1, 1), ((24, 24), 24, 1, 1), ((1, 1), 16, 1, 0), ((1, 9), 16, 1, 1), ((120, 7), 33, 1, 0),
             ((7, 120), 33, 1, 1), ((24, 60), 24, 1, 0), ((60, 24), 24, 1, 1), ((9, 11), 40, 1, 1), ((60, 111), 17, 0, 1), ((24, 27), 24, 0, 1)]
    for number, ((width, height), side, squash, bilinear) in enumerate(cases):
        pixels, resample = picture(width, height), Image.BILINEAR if bilinear else Image.BICUBIC
        if number % 3 == 2:
            pixels = np.where(pixels > 128, 255, 0).astype(np.uint8)
        made = [squashed(pixels, side, resample)] if squash else list(crops(pixels, side, side, 1, resample))
        tensors[f"{number}.picture"] = torch.tensor(pixels)
        tensors[f"{number}.sizes"] = torch.tensor([side, side, squash, bilinear], dtype=torch.int32)
        tensors[f"{number}.crops"] = torch.tensor(np.stack(made))
    save_file(tensors, path)


@torch.no_grad()
def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "parity")
    names = sys.argv[2:]

    def folder(name):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
        return root / name

    makers = {
        "clip-quick-gelu": lambda place: make_clip(
            place,
            {"hidden_size": 64, "intermediate_size": 30, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8,
             "hidden_act": "quick_gelu"},
            {"hidden_size": 27, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 24,
             "hidden_act": "quick_gelu"}, 40, torch.float32, old_end=True),
        "clip-gelu-half": lambda place: make_clip(
            place,
            {"hidden_size": 60, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 35, "patch_size": 7,
             "hidden_act": "gelu"},
            {"hidden_size": 40, "intermediate_size": 70, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 40,
             "hidden_act": "gelu"}, 64, torch.float16, old_end=False),
        "clip-resized-bfloat": lambda place: make_clip(
            place,
            {"hidden_size": 42, "intermediate_size": 60, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 30, "patch_size": 7,
             "hidden_act": "gelu", "layer_norm_eps": 1e-4},
            {"hidden_size": 34, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 31,
             "hidden_act": "quick_gelu", "layer_norm_eps": 1e-6}, 28, torch.bfloat16, old_end=False, resize=38, mean=(0.5, 0.4, 0.3),
            deviation=(0.5, 0.25, 0.3)),
        "bert": make_bert,
        "starter": make_starter,
        "open-clip": lambda place: make_open_clip(
            place, 23, 29, {"image_size": 29, "layers": 2, "width": 36, "head_width": 12, "patch_size": 7, "mlp_ratio": 2.6},
            {"context_length": 24, "width": 36, "heads": 2, "layers": 2, "mlp_ratio": 1.5}, 28, "open_clip_model.safetensors",
            {"mean": [0.5, 0.4, 0.3], "std": [0.5, 0.25, 0.3], "interpolation": "bicubic", "resize_mode": "squash"}),
        "open-clip-custom": lambda place: make_open_clip(
            place, 24, 24, {"image_size": [24, 24], "layers": 2, "width": 32, "head_width": 8, "patch_size": [8, 8],
                            "norm_kwargs": {"eps": 1e-4}},
            {"context_length": 21, "width": 32, "heads": 4, "layers": 2, "mlp_ratio": 2.5, "act_kwargs": None, "pool_type": "argmax"}, 32, "model.safetensors",
            {"interpolation": "bilinear", "resize_mode": "shortest"}, quick_gelu=True, custom_text=True),
        "coca": lambda place: make_open_clip(
            place, 25, 32, {"image_size": 32, "layers": 2, "width": 36, "head_width": 9, "patch_size": 8, "mlp_ratio": 1.5, "attentional_pool": True,
                            "attn_pooler_queries": 5, "attn_pooler_heads": 4, "output_tokens": True},
            {"context_length": 30, "width": 36, "heads": 3, "layers": 2, "mlp_ratio": 1.3, "embed_cls": True, "output_tokens": True}, 28, "open_clip_model.safetensors",
            {}, custom_text=True, coca=True),
        "coca-square": lambda place: make_open_clip(
            place, 26, 24, {"image_size": 24, "layers": 1, "width": 32, "head_width": 16, "patch_size": 6, "attentional_pool": True,
                            "attn_pooler_queries": 3, "attn_pooler_heads": 2, "output_tokens": True},
            {"context_length": 19, "width": 32, "heads": 2, "layers": 2, "embed_cls": True, "output_tokens": True}, 32, "open_clip_model.safetensors",
            {"resize_mode": "shortest"}, custom_text=True, coca=True, quick_gelu=True),
        "xclip": make_xclip,
        "siglip2-left": lambda place: make_siglip(
            place, 28, make_siglip2_tokenizer, 24, 8,
            {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2},
            {"hidden_size": 28, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 24},
            pad=0, pad_first=True, scale=2.6),
        # 35 is no multiple of 8: the last pixels of each side are part of no patch.
        "siglip": lambda place: make_siglip(
            place, 21, make_siglip_tokenizer, 35, 8,
            {"hidden_size": 32, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 4},
            {"hidden_size": 28, "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 24}),
    }
    files = {"preprocess": make_preprocess, "squash": make_squash}
    for name, make in makers.items():
        if not names or name in names:
            make(folder(name))
    for name, make in files.items():
        if not names or name in names:
            make(root / f"{name}.safetensors")
    print(f"{sum(file.stat().st_size for file in root.rglob('*') if file.is_file()) / 1e6:.2f} MB in all")


main()
