#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the starter model finds what a person types, over the demo reel.

    retrieval.py SACCADE MAKE-REEL [REEL]

Indexes the reel into a library of its own, asks what it shows (R@1, R@5: the first, or one of the first five, moments lies
in a right scene) and what it does not show (area under the curve of the best score), prints each query, and fails under the
floors. Exit status 77 where the starter model or the reel's material is missing.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

RECALL_AT_1, RECALL_AT_5, AREA = 0.8, 0.95, 0.88

# What a person would type, and the scenes that answer it.
SHOWN = [
    ("a robin", ["robin"]),
    ("small bird with an orange breast", ["robin"]),
    ("squirrel eating a nut", ["squirrel"]),
    ("a rodent on a branch", ["squirrel"]),
    ("a butterfly on a leaf", ["butterfly"]),
    ("insect with spread wings", ["butterfly"]),
    ("a football player kicking the ball", ["football"]),
    ("soccer match", ["football"]),
    ("a lake with trees on the shore", ["lake"]),
    ("calm water", ["lake"]),
    ("the dog with its tongue out", ["dog"]),
    ("my puppy", ["dog"]),
    ("monkey with a colourful face", ["baboon"]),
    ("a baboon", ["baboon"]),
    ("citrus fruit", ["fruits", "orange"]),
    ("an orange", ["orange", "fruits"]),
    ("slices of lemon", ["fruits", "orange"]),
    ("a pot plant", ["potted plant"]),
    ("flowerpot on the table", ["potted plant"]),
    ("the back of a car", ["car"]),
    ("driving behind another vehicle", ["car"]),
    ("crossword or sudoku in the newspaper", ["sudoku"]),
    ("number puzzle", ["sudoku"]),
    ("church tower", ["church", "village"]),
    ("old religious building with a dome", ["church", "village"]),
    ("street sign", ["parking sign"]),
    ("a no parking sign", ["parking sign"]),
    ("electronics, chips on a board", ["circuit board"]),
    ("restaurant scene with a candle", ["cartoon woman"]),
    ("a notebook with an elastic band", ["notebook"]),
]
# What no scene shows.
NOT_SHOWN = [
    "an elephant at a waterhole", "penguins on the ice", "a sailing ship at sea", "playing the violin", "a fire engine",
    "a plate of spaghetti", "somebody typing on a laptop", "a kangaroo", "a steam locomotive", "a snake in the sand",
    "a washing machine", "a bride in a white wedding dress", "skiing down a mountain", "a helicopter landing", "an owl at night",
    "a cup of espresso", "a grand piano on a stage", "a goldfish in a bowl", "a volcano erupting", "a tractor in a field of wheat",
    "a shark under water", "a bicycle race", "a jellyfish", "a camel in the desert", "a cheeseburger",
    "a pair of running shoes", "a polar bear", "a tennis racket", "a toaster in the kitchen", "a school bus",
]


def saccade(program, library, *words):
    done = subprocess.run([program, *words, "--library", library, "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"saccade {' '.join(words)}: exit status {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def main():
    program, make_reel = sys.argv[1:3]
    models = os.environ.get("SACCADE_MODELS") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "saccade", "models")
    if not (pathlib.Path(models) / "starter" / "config.json").exists():
        print(f"no starter model in {models}: skipped")
        return 77
    if not pathlib.Path("/usr/share/doc/opencv-doc/examples").exists():
        print("opencv-doc is not installed: skipped")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        reel = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else pathlib.Path(folder) / "reel.mp4"
        if not reel.exists():
            subprocess.run([make_reel, reel], check=True)
        scenes = json.loads(reel.with_suffix(".json").read_text(encoding="utf-8"))
        library = os.path.join(folder, "library")
        saccade(program, library, "index", str(reel), "--model", "starter")

        def search(query):
            return saccade(program, library, "search", query, "--limit", "5", "--kind", "visual")["results"]

        def in_scene(result, names):
            middle = (result["start"] + result["end"]) / 2
            return any(scene["start"] <= middle < scene["end"] for scene in scenes if scene["name"] in names)

        at_1 = at_5 = 0
        shown, not_shown = [], []
        for query, names in SHOWN:
            results = search(query)
            rank = next((rank for rank, result in enumerate(results, 1) if in_scene(result, names)), None)
            at_1 += rank == 1
            at_5 += rank is not None
            shown.append(results[0]["score"] if results else 0.0)
            print(f"{shown[-1]:6.3f}  rank {rank or '-'}  {query}")
        for query in NOT_SHOWN:
            results = search(query)
            not_shown.append(results[0]["score"] if results else 0.0)
            print(f"{not_shown[-1]:6.3f}  not shown  {query}")
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in shown for b in not_shown]
    recall_1, recall_5, area = at_1 / len(SHOWN), at_5 / len(SHOWN), sum(pairs) / len(pairs)
    print(f"{len(SHOWN)} queries shown: R@1 {recall_1:.2f} (at least {RECALL_AT_1}), R@5 {recall_5:.2f} (at least {RECALL_AT_5}); "
          f"{len(NOT_SHOWN)} not shown: area {area:.3f} (at least {AREA})")
    return 0 if recall_1 >= RECALL_AT_1 and recall_5 >= RECALL_AT_5 and area >= AREA else 1


sys.exit(main())
