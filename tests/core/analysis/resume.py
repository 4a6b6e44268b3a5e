#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills indexing at many random instants and holds the library that comes out of it to one that was never disturbed.

    resume.py SACCADE MODELS [KILLS [MODEL]]

A video of its own is made with ffmpeg and indexed with a small network of MODELS, the starter's unless another is named. No sample may be lost, doubled or changed, each instant between leaves a library that is
sound and can be searched, and the unfinished job is not left behind. Exit status 77 without ffmpeg.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
os.environ["SACCADE_MODELS"] = os.path.abspath(sys.argv[2])
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
MODEL = sys.argv[4] if len(sys.argv) > 4 else "starter"
SECONDS = 40
EVERY = "0.25"


def saccade(*words, check=True):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=300)
    if check and done.returncode != 0:
        raise SystemExit(f"saccade {' '.join(words)}: status {done.returncode}\n{done.stderr}")
    return done


def samples(library):
    """{time: vector's bytes} as the files have them, and the list of times in order of the batches."""
    database = sqlite3.connect(f"file:{library}/library.db?mode=ro", uri=True)
    name, dimensions, file, rows = database.execute("SELECT name, dimensions, file, rows FROM model").fetchone()
    data = (pathlib.Path(library) / "vectors" / file).read_bytes()
    assert len(data) == 4096 + rows * dimensions * 2, "a torn tail was left"
    times, vectors = [], {}
    for first_row, count, blob in database.execute("SELECT first_row, count, times FROM batch ORDER BY analysis, first_sample"):
        for i, at in enumerate(struct.unpack(f"<{count}q", blob)):
            times.append(at)
            start = 4096 + (first_row + i) * dimensions * 2
            vectors[at] = struct.unpack(f"<{dimensions}e", data[start:start + dimensions * 2])
    return times, vectors


def assert_equal(library, expected_times, expected):
    times, found = samples(library)
    assert times == expected_times, f"{len(times)} samples and not {len(expected_times)}"
    assert len(set(times)) == len(times), "a sample is there twice"
    for at, vector in expected.items():
        cosine = sum(a * b for a, b in zip(vector, found[at]))
        assert cosine > 0.999, f"the sample at {at} is another: cosine {cosine}"
    info = json.loads(saccade("library", "info", "--library", library, "--json").stdout)
    assert info["videos"][0]["state"] == "indexed", info


def main():
    if shutil.which("ffmpeg") is None:
        print("needs ffmpeg: skipped")
        return 77
    random.seed(5)
    with tempfile.TemporaryDirectory(prefix="saccade-resume-") as folder:
        clip = os.path.join(folder, "clip.mkv")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=160x120:rate=8:duration={SECONDS}",
                        "-c:v", "mpeg4", "-g", "20", clip], check=True)
        whole, killed = os.path.join(folder, "whole"), os.path.join(folder, "killed")
        saccade("index", clip, "--model", MODEL, "--every", EVERY, "--library", whole)
        expected_times, expected = samples(whole)
        assert len(expected_times) == SECONDS * 4, len(expected_times)
        start = time.monotonic()
        saccade("index", clip, "--model", MODEL, "--every", EVERY, "--library", os.path.join(folder, "again"))
        duration = time.monotonic() - start

        kills = finished = 0
        while kills < KILLS:
            process = subprocess.Popen([PROGRAM, "index", clip, "--model", MODEL, "--every", EVERY, "--library", killed],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(random.uniform(0, duration))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                if kills % 10 == 0 and os.path.exists(os.path.join(killed, "library.db")):
                    done = saccade("library", "check", "--library", killed, check=False)
                    assert done.returncode == 0 or "no library" in done.stderr or "empty" in done.stderr, done.stderr + done.stdout
                continue
            # It came to the end between two kills: what came out is compared, and the next one begins afresh.
            assert process.returncode == 0, process.returncode
            assert_equal(killed, expected_times, expected)
            finished += 1
            shutil.rmtree(killed)
        saccade("index", clip, "--model", MODEL, "--every", EVERY, "--library", killed)
        assert_equal(killed, expected_times, expected)
        print(f"{kills} kills, {finished + 1} libraries of {len(expected_times)} samples equal to the unbroken one ({duration:.1f} s)")
    return 0


sys.exit(main())
