#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the tables of hard strings and their token ids, as the reference tokenizers (Hugging Face's) give them.

    make-tokenizer-table.py MERGES.gz MINILM [FOLDER]
        MERGES.gz  CLIP's bpe_simple_vocab_16e6.txt.gz
        MINILM     a folder with MiniLM's vocab.txt
        FOLDER     where to write; data/ beside this script unless it is given

FOLDER receives small vocabularies (the first 2000 merges; every 12th piece), which are committed with
  texts.json                      [[bytes as hexadecimal, times, bytes, times, …], …]
  clip-small.json, wordpiece-small.json, wordpiece-cased.json
                                  [[which text, max_tokens, [id, …]], …] for the small vocabularies
  clip-full.json, wordpiece-full.json    the same for the whole ones
Run by hand when the strings change; needs the package transformers.
"""
import gzip
import json
import pathlib
import sys

import transformers

SMALL_MERGES = 2000

TEXTS = [
    "", " ", "\n", "a photo of a cat", "a photo of a cat.", "A Photo Of A CAT!!!", "  leading and trailing  ", "two  blanks\tand\ttabs\nand\r\nlines",
    "naïve café façade", "nai\u0308ve cafe\u0301", "ÀÉÎÕÜ àéîõü ß ẞ ſ", "ŒUVRE œuvre Æther æther", "Ångström Å \u212b A\u030a", "fi ﬁ ﬃ ﬆ",
    "İstanbul ISTANBUL ıstanbul i̇", "İ", "ΣΊΣΥΦΟΣ σίσυφος ς Σ", "Привет, мир! ЁЖИК ёжик", "Việt Nam tiếng Việt", "e\u0301\u0323 e\u0323\u0301", "q\u0307\u0323",
    "日本語のテキスト", "中文 English 混合 text", "漢字かな交じり文。", "ひらがな カタカナ がぎぐ か\u3099", "ｶﾞｷﾞ ﾊﾟ", "한국어 텍스트 각 \u1100\u1161\u11a8", "豈更車", "𠀀𠀁 𪜶",
    "𝒜𝓁𝓅𝒽𝒶 𝟙𝟚𝟛", "Ⅷ ⅷ ½ ¾ ² ³ ① ⑳", "１２３ ＡＢＣ ａｂｃ", "12345 1,234.56 0x1F 3.14e-10", "٠١٢٣ ०१२३ ໐໑", "مرحبا بالعالم", "שָׁלוֹם עולם", "สวัสดีชาวโลก", "हिन्दी में पाठ", "தமிழ்", "ไก่ กํา",
    "😀 😃 🎬", "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪", "❤️ ❤ ☺︎", "a👍b", "1️⃣ #️⃣", "👩🏿‍🚀s 🧑‍💻's",
    "don't can't won't I'm you're we've they'll he'd it's", "DON'T CAN'T I'M YOU'RE WE'VE THEY'LL HE'D IT'S", "it’s don’t “quoted” ‘single’", "'s 't 're 've 'm 'll 'd 'x ''s '''", "rock'n'roll o'clock 'tis",
    "'sat 'they 'recall", "e-mail: user@example.com, http://www.example.com/a?b=c&d=e#f", "C++ C# .NET $100 50% ~/.bashrc", "[brackets] {braces} (parens) <angles>", "!@#$%^&*()_+-=[]{}|;':\",./<>?`~", "...…—–-‐‑", "a_b_c __init__", "¡Hola! ¿Qué tal? «oui»", "§ ¶ © ® ™ ° ± × ÷ €", "،؛؟ 。、！？ ・", "\u2028\u2029",
    "a\u00a0b\u2003c\u3000d\u200ae\u202ff\u205fg\u1680h", "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom", "soft\u00adhyphen", "a\u180eb", "\x0b\x0c\x1c\x1d\x1e\x1f\x85", "a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg\x85h",
    "\x01\x02\x03 control\x07bell \x7f delete \x80\x9f", "a\x00b", "\x00", "nul at the end\x00", "\x00\x00start", "\ufffd replacement \ufffd", "\ufffe\uffff", "\ue000 private \uf8ff", "\u0378 unassigned", "\U000e0041\U000e007f tags", "\U0010ffff",
    "\u202ertl override\u202c", "\u0301", "\u0301a", " \u0301", "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308", "Z\u0336a\u0335l\u0334g\u0337o\u0338", "\u0345\u03b1\u0345", "\u0f71\u0f72\u0f74", "ǆ ǅ Ǆ ŉ ǰ", "\u1e9e\ufb00\ufb05", "\u2126 \u212a \u2000 \u0340 \u0343 \u0374 \u037e \u0387",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "<|STARTOFTEXT|>", "<|endoftext", "x<|startoftext|>y<|endoftext|>z", "[CLS] [SEP] [PAD] [UNK] [MASK]", "a[SEP]b", "[cls] [sep]", "[ SEP ]", "[SEP][SEP]", "[MASK]ing the [UNK]nown", " <|endoftext|> ", "<|endoftext|><|endoftext|>",
    "supercalifragilisticexpialidocious", "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaft", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababab", "lololololol hahahahaha", "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "😀" * 60, "日" * 90,
    "a" + "\u0301" * 40,
    "a dog running on the beach at sunset", "a person opening a red umbrella in the rain", "two people shaking hands, close-up, 4k", "a train arriving at a station in 1920s Berlin", "un perro corriendo por la playa", "ein Hund läuft über die Straße",
]
# A part and how often it comes, again and again.
LONG = [
    ["a", 10000], ["ab", 5000], ["the ", 2500], ["abcdefghijklmnopqrstuvwxyz", 385], ["é", 5000], ["😀", 2500], [".", 10000], ["1", 10000],
    ["'s", 5000], [" ", 10000], ["\u0301", 3000], ["日本", 5000], ["a\x00", 5000], ["q", 10000, " the end", 1], ["[SEP]", 500],
    ["<|endoftext|>", 500], ["a\u0301\u0323", 3000], ["a", 1, "\u0301\u0323", 1500, "b", 1], [" ", 10000, "end", 1], ["hahaha", 1667, " ", 1, "x", 10000],
]
# Bytes that are not UTF-8 count as U+FFFD, one for each maximal part of a character that is cut short (Unicode 15, section 3.9, table 3-8).
BYTES = [
    b"\xff", b"\xfe\xff", b"a\x80b", b"\xc3", b"\xc3(", b"caf\xc3\xa9 caf\xe9", b"\xe2\x82", b"\xe2\x82\xac\xe2\x82", b"\xf0\x9f\x98", b"a\xf0\x9f\x98b", b"\xc0\xaf", b"\xe0\x80\xaf",
    b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xf1\x80\x80\xe1\x80\xc2b\x80c", b"\x80" * 1000, b"good \xff bad", b"\xe2\x80\xe2\x80\x99s",
]
LIMITS = [77, 77, 77, 12, 3, 2]


def byte_characters():
    """The printable character that stands for each byte (Radford et al. 2019), in the order of CLIP's vocabulary."""
    own = [*range(ord("!"), ord("~") + 1), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = [byte for byte in range(256) if byte not in own]
    return [chr(byte) for byte in own] + [chr(0x100 + i) for i in range(len(others))]


def clip(merges):
    characters = byte_characters()
    pieces = characters + [c + "</w>" for c in characters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = transformers.CLIPTokenizer(vocab=vocabulary, merges=merges).backend_tokenizer
    return vocabulary, tokenizer


def wordpiece(pieces, lowercase):
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return transformers.BertTokenizer(vocab=vocabulary, do_lower_case=lowercase).backend_tokenizer


def texts():
    """Every text as its parts: bytes, times, bytes, times, …"""
    for text in TEXTS + BYTES:
        yield [text if isinstance(text, bytes) else text.encode("utf-8"), 1]
    for parts in LONG:
        yield [part.encode("utf-8") if isinstance(part, str) else part for part in parts]


def table(tokenizer):
    rows = []
    for number, parts in enumerate(texts()):
        data = b"".join(part * times for part, times in zip(parts[::2], parts[1::2]))
        # Every string is seen as far as 77 tokens go; some are cut shorter too.
        for tokens in sorted({LIMITS[number % len(LIMITS)], 77}):
            tokenizer.enable_truncation(tokens)
            rows.append([number, tokens, tokenizer.encode(data.decode("utf-8", "replace")).ids])
    return rows


def write(path, rows):
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


def main():
    merges_file, minilm = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else pathlib.Path(__file__).parent / "data"
    lines = gzip.open(merges_file, "rt", encoding="utf-8").read().split("\n")
    merges = [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]
    pieces = (minilm / "vocab.txt").read_text(encoding="utf-8").splitlines()
    for name in ("clip-small", "wordpiece-small", "wordpiece-cased"):
        (folder / name).mkdir(parents=True, exist_ok=True)

    write(folder / "texts.json", [[part.hex() if isinstance(part, bytes) else part for part in parts] for parts in texts()])
    vocabulary, tokenizer = clip(merges[:SMALL_MERGES])
    (folder / "clip-small" / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges[:SMALL_MERGES]), encoding="utf-8")
    (folder / "clip-small" / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    write(folder / "clip-small.json", table(tokenizer))
    write(folder / "clip-full.json", table(clip(merges)[1]))

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    small = specials + [piece for number, piece in enumerate(pieces)
                        if piece not in specials and not piece.startswith("[unused")
                        and (number % 12 == 0 or len(piece.removeprefix("##")) == 1 and number < 1996 or number < 2300)]
    for name, lowercase in (("wordpiece-small", True), ("wordpiece-cased", False)):
        (folder / name / "vocab.txt").write_text("".join(f"{piece}\n" for piece in small), encoding="utf-8")
        (folder / name / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lowercase}) + "\n")
        write(folder / f"{name}.json", table(wordpiece(small, lowercase)))
    write(folder / "wordpiece-full.json", table(wordpiece(pieces, True)))


main()
