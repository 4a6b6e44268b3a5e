#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small SentencePiece models and the ids that the reference (the package sentencepiece) gives for the hard strings of
data/texts.json, which make-tokenizer-table.py writes.

    make-sentencepiece-table.py [FOLDER]      FOLDER is data/ beside this script unless it is given

FOLDER receives
  unigram-small     as SigLIP's: its special pieces, NFKC as rules; the text is made canonical first, as transformers' SiglipTokenizer does
  unigram-json      the same as a tokenizer.json
  unigram-bytes     every other switch: pieces for bytes and user-defined ones, no prefix, blanks as they are, no lower case
  pairs-small       byte-pair encoding as Gemma's, which SigLIP 2 uses: pieces for bytes, no prefix, blanks as they are
  pairs-json        the same as a tokenizer.json
and a table of each, [[which text, max_tokens, [id, …]], …]; those as a tokenizer.json share the other's. Run by hand when the strings
change; needs the packages sentencepiece, transformers and protobuf.
"""
import base64
import io
import itertools
import json
import pathlib
import random
import shutil
import sys
import tempfile
import types
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from transformers.models.siglip.tokenization_siglip import SiglipTokenizer

LIMITS = [77, 77, 77, 12, 3, 2]
SPECIALS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
SUBJECTS = ["a dog", "two dogs", "the cat", "a woman in a red coat", "children", "an old man", "the train", "a bird", "people", "a boat"]
VERBS = ["running", "sitting", "looking at the camera", "playing the guitar", "opening an umbrella", "walking", "cooking", "waiting", "sleeping", "arriving"]
PLACES = ["on the beach at sunset", "in the rain", "at the station", "in the kitchen", "under a tree", "by the river", "in the snow", "at night", "on the street"]


def read_texts(folder):
    rows = json.loads((folder / "texts.json").read_text())
    return [b"".join(bytes.fromhex(part) * times for part, times in zip(row[::2], row[1::2])).decode("utf-8", "replace") for row in rows]


def corpus(texts):
    """What people search for, and words of a language that does not exist: captions alone hold too few pieces."""
    draw = random.Random(11)
    syllables = [head + vowel + tail for head in ("b", "d", "st", "tr", "m", "l", "sh", "", "pr") for vowel in "aeiou" for tail in ("", "n", "r", "ng", "s")]
    words = ["".join(draw.choice(syllables) for _ in range(draw.randint(1, 3))) for _ in range(400)]
    for _ in range(1500):
        yield " ".join(words[min(int(draw.expovariate(0.02)), 399)] for _ in range(8)) + draw.choice(["", ".", "?", " 12", ", 1920s", "'s"])
    for subject, verb, place in itertools.product(SUBJECTS, VERBS, PLACES):
        yield f"{subject} {verb} {place}"
    # Some of the strings too, so that not every strange character is unknown.
    for number, text in enumerate(texts):
        if number % 3 and len(text) < 100 and "\n" not in text and "\0" not in text:
            for _ in range(3):
                yield text.lower()


def rules(texts, path):
    """NFKC of what the strings hold, with blanks for white space and nothing for control characters, as SentencePiece's own nmt_nfkc."""
    pairs = {a + b for text in texts for a, b in zip(text, text[1:]) if unicodedata.combining(b)}
    lines = []
    for key in sorted(set("".join(texts)) | pairs):
        if "\0" in key or "\ufffd" in key:
            continue
        value = "".join(" " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cf") else c for c in unicodedata.normalize("NFKC", key))
        if value != key:
            lines.append("\t".join(" ".join(f"{ord(c):X}" for c in part) for part in (key, value)) + "\n")
    path.write_text("".join(lines))


def train(texts, **settings):
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "rules.tsv"
        if settings.pop("with_rules"):
            rules(texts, path)
            settings["normalization_rule_tsv"] = str(path)
        else:
            settings["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(list(corpus(texts))), model_writer=model, num_threads=1, minloglevel=2, **SPECIALS, **settings)
    # The rules are in the model as they are applied; where they were read from matters to nobody.
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    proto.ClearField("denormalizer_spec")
    return proto


def canonical(text):
    return SiglipTokenizer.canonicalize_text(
        types.SimpleNamespace(do_lower_case=True, remove_punctuation=lambda t: SiglipTokenizer.remove_punctuation(None, t)), text)


def table(proto, texts, prepare):
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    rows = []
    for number, text in enumerate(texts):
        ids = processor.encode(prepare(text))
        for tokens in sorted({LIMITS[number % len(LIMITS)], 77}):
            rows.append([number, tokens, [*ids[:tokens - 1], SPECIALS["eos_id"]]])
    return rows


def as_tokenizer_json(proto):
    charsmap = base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()
    return {
        "added_tokens": [{"id": i, "content": proto.pieces[i].piece, "special": True} for i in range(3)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "Precompiled", "precompiled_charsmap": charsmap}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
        "model": {"type": "Unigram", "unk_id": 2, "vocab": [[piece.piece, piece.score] for piece in proto.pieces]},
    }


def as_pairs_json(proto):
    """As transformers converts it: every pair of pieces whose union is a piece, by the union's score."""
    pieces = {piece.piece: (i, piece.score) for i, piece in enumerate(proto.pieces)}
    merges = []
    for piece, (number, score) in pieces.items():
        pairs = [(piece[:k], piece[k:]) for k in range(1, len(piece)) if piece[:k] in pieces and piece[k:] in pieces]
        if proto.pieces[number].type == 1:
            merges += [(-score, *(pieces[part][0] for part in pair), pair) for pair in pairs]
    special = {1: None, 2: True, 3: True, 4: False, 6: None}
    return {
        "added_tokens": [{"id": i, "content": piece.piece, "special": special[piece.type]} for i, piece in enumerate(proto.pieces)
                         if special[piece.type] is not None],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": {p: i for p, (i, _) in pieces.items()},
                  "merges": [" ".join(pair) if number % 2 else pair for number, (*_, pair) in enumerate(sorted(merges))]},
    }


def check_pairs_json(value, texts, prepare, processor):
    """Hugging Face's own tokenizer says the same, but where a text holds special pieces."""
    import tokenizers
    value = {**value, "added_tokens": [{"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, **t} for t in value["added_tokens"]],
             "version": "1.0", "truncation": None, "padding": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    value["model"] = {**value["model"], "merges": [m.split(" ") if isinstance(m, str) else list(m) for m in value["model"]["merges"]]}
    other = tokenizers.Tokenizer.from_str(json.dumps(value))
    different = [text for text in map(prepare, texts) if other.encode(text).ids != processor.encode(text)]
    print(f"{len(different)} of {len(texts)} texts are other ids to Hugging Face's tokenizer: {[text[:30] for text in different[:8]]}")


def lower(text):
    """A character at a time, as Hugging Face's normalizer does it."""
    return "".join(c.lower() for c in text)


def as_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def write_table(path, rows):
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "data")
    texts = read_texts(root)

    def folder(name):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
        return root / name

    small = train(texts, with_rules=True, model_type="unigram", vocab_size=440, character_coverage=0.98)
    place = folder("unigram-small")
    (place / "spiece.model").write_bytes(small.SerializeToString())
    as_json(place / "tokenizer_config.json", {"tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "pad_token": "</s>", "eos_token": "</s>"})
    as_json(folder("unigram-json") / "tokenizer.json", as_tokenizer_json(small))
    write_table(root / "unigram-small.json", table(small, texts, canonical))

    plain = train(texts, with_rules=False, model_type="unigram", vocab_size=700, character_coverage=0.98, byte_fallback=True, add_dummy_prefix=False,
                  remove_extra_whitespaces=False, user_defined_symbols=["\u2581\u2581", "[SEP]", "the", "日本語"])
    place = folder("unigram-bytes")
    (place / "tokenizer.model").write_bytes(plain.SerializeToString())
    as_json(place / "tokenizer_config.json", {"tokenizer_class": "OtherTokenizer", "do_lower_case": False, "pad_token": {"content": "<pad>"}})
    write_table(root / "unigram-bytes.json", table(plain, texts, lambda text: text))

    pairs = train(texts, with_rules=False, model_type="bpe", vocab_size=900, character_coverage=0.98, byte_fallback=True, add_dummy_prefix=False,
                  remove_extra_whitespaces=False, user_defined_symbols=["<mask>", "\u2581\u2581", "\u2581\u2581\u2581", "\n", "[CLS]"])
    (folder("pairs-small") / "tokenizer.model").write_bytes(pairs.SerializeToString())
    as_json(root / "pairs-small" / "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>"})
    value = as_pairs_json(pairs)
    as_json(folder("pairs-json") / "tokenizer.json", value)
    as_json(root / "pairs-json" / "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "eos_token": {"content": "</s>"}})
    write_table(root / "pairs-small.json", table(pairs, texts, lower))
    check_pairs_json(value, texts, lower, sentencepiece.SentencePieceProcessor(model_proto=pairs.SerializeToString()))


main()
