#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to the built program as a person and a script would: right words, wrong words, and files that are not what they seem.

    commands.py SACCADE MAKE-CLIPS MODELS
"""
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

SACCADE, MAKE_CLIPS, MODELS = sys.argv[1:4]
COMMANDS = ("index", "search", "moments", "tag", "untag", "export", "embed", "models", "devices", "bench", "library")
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"failed: {what}")


def run(*words, status=0, prefix=()):
    done = subprocess.run([*prefix, SACCADE, *map(str, words)], capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}, expected {status}: {done.stdout}{done.stderr}")
    return done


def decimal_comma(folder):
    """What a command is begun with, that it runs as where numbers have a decimal comma; nothing if no such locale can be made here."""
    made = pathlib.Path(folder, "de_DE.UTF-8")
    if shutil.which("localedef"):
        subprocess.run(["localedef", "-c", "-i", "de_DE", "-f", "UTF-8", str(made)], capture_output=True, check=False)
    return ("env", f"LOCPATH={folder}", f"LC_ALL={made.name}") if made.is_dir() else ()


def test_words():
    listing = run("--help").stdout
    for name in COMMANDS:
        check(f"  {name} " in listing, f"--help lists {name}")
        done = run(name, "--help")
        check("--library" in done.stdout and "--json" in done.stdout and f"saccade {name}" in done.stdout, f"{name} --help: {done.stdout}")
        check(not done.stderr, f"{name} --help is an answer, not a complaint")
        wrong = run(name, "--no-such-option", status=2)
        check("no-such-option" in wrong.stderr and not wrong.stdout, f"{name}: a wrong option is named")
    check(run("--version").stdout.startswith("Saccade "), "--version")
    check("“search”" in run("serach", status=2).stderr, "a slip of the finger is mended")
    check("--help" in run("xyzzy", status=2).stderr, "an unknown word leads to --help")
    for words in (("index",), ("search",), ("moments",), ("tag",), ("untag",), ("export",), ("export", "a.mp4", "-o", "b.mp4"),
                  ("export", "a.mp4", "--to", "1"), ("export", "a.mp4", "--to", "1", "-o", "b.mp4", "--exact", "--copy"),
                  ("export", "a.mp4", "--to", "1", "-o", "b.mp4", "--format", "gif"), ("export", "a.mp4", "--to", "soon", "-o", "b.mp4"),
                  ("export", "--tag", "a", "--query", "b", "-o", "c"), ("export", "--tag", "a", "--from", "1", "-o", "c"),
                  ("models", "dance"), ("library", "dance"), ("bench", "dance"), ("bench", "decode"), ("bench", "index"), ("bench", "index", "a", "--preparation", "sofa"), ("search", "a", "--limit", "many"),
                  ("search", "a", "--min-score", "7")):
        done = run(*words, status=2)
        check(done.stderr and not done.stdout, f"{words}: {done}")


def test_json(folder, library):
    clip = folder / "plain.mp4"
    run("index", clip, *library)
    run("tag", clip, "--from", "1", "--to", "2", "a goal", *library)
    for words in (("index", clip), ("search", "goal"), ("moments", clip), ("models",), ("devices",), ("library", "info"), ("library", "check"),
                  ("embed", "--model", "starter", "--text", "a dog"), ("tag", clip, "--from", "2", "--to", "3", "again"),
                  ("export", clip, "--from", "1", "--to", "2", "-o", folder / "json.mp4")):
        json.loads(run(*words, "--json", *library).stdout)
    found = json.loads(run("search", "goal", "--kind", "tag", "--json", *library).stdout)
    first = found["results"][0]
    check((first["start"], first["end"], first["kind"], first["rank"], first["file"]) == (1, 2, "tag", 1, str(clip)), f"search: {found}")
    coloured = json.loads(run("tag", clip, "--from", "2", "--to", "3", "--colour", "#ff8800", "--note", "in", "a goal", "--json",
                              *library).stdout)
    check((coloured["colour"], coloured["note"]) == ("#ff8800", "in"), f"tag: {coloured}")
    known = json.loads(run("moments", clip, "--kind", "tag", "--json", *library).stdout)["moments"]
    check([tag["colour"] for tag in known if tag["label"] == "a goal"] == ["#ff8800"] * 2, f"one colour a label: {known}")
    run("untag", coloured["id"], *library)
    run("tag", clip, "--from", "2", "--to", "3", "--colour", "red", "a goal", *library, status=2)
    run("untag", first["id"], *library)
    check(first["id"] not in run("moments", clip, "--json", *library).stdout, "untag")
    check(first["id"] in run("untag", first["id"], *library, status=1).stderr, "a tag that is not there is named")


def vector_of(*words):
    return json.loads(run("embed", *words, "--json").stdout)["vector"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def test_embed_video(folder):
    clip = folder / "plain.mp4"
    samples = json.loads(run("embed", "--video", clip, "--every", "0.5", "--samples", "--json").stdout)["samples"]
    check(len(samples) > 2 and 0.4 < samples[1]["time"] <= 0.5, f"embed --samples: {[sample['time'] for sample in samples]}")
    mean = [sum(values) for values in zip(*(sample["vector"] for sample in samples))]
    vector = vector_of("--video", clip, "--every", "0.5")
    check(cosine(vector, mean) > 0.99999 and abs(sum(x * x for x in vector) - 1) < 1e-4, "a video's vector is the mean of its frames'")
    # A model of clips of four frames: those in the middle of each quarter of the video, or of the part that is asked for.
    whole, part = vector_of("--model", "xclip", "--video", clip), vector_of("--model", "xclip", "--video", clip, "--from", "1", "--to", "1.8")
    check(cosine(whole, part) < 0.9999, "a part of a video is not the whole")
    quarters = json.loads(run("embed", "--model", "xclip", "--video", clip, "--from", "1.1", "--to", "1.8", "--every", "0.2", "--samples",
                              "--json").stdout)["samples"]
    check(len(quarters) == 4, f"four frames: {[sample['time'] for sample in quarters]}")
    check(all(cosine(sample["vector"], part) > 0.99999 for sample in quarters), "the clip's frames are spread evenly")
    check("seconds" in run("embed", "--model", "xclip", "--video", clip, "--from", "99", status=2).stderr, "a part beyond the end")
    comma = run("embed", "--video", clip, "--every", "0.5", "--json", prefix=decimal_comma(folder))
    check(cosine(json.loads(comma.stdout)["vector"], vector) > 0.99999, "the same numbers where they have a decimal comma")
    run("embed", "--text", "a dog", "--from", "1", status=2)


def test_precision(folder):
    picture = ("--model", "coca", "--image", folder / "plain.mp4")
    exact = vector_of(*picture, "--precision", "fp32")
    check(cosine(exact, vector_of(*picture)) > 0.999, "the default precision is near fp32")
    for precision, least in (("fp16", 0.999), ("int8", 0.99)):
        check(cosine(exact, vector_of(*picture, "--precision", precision)) > least, f"embed --precision {precision}")
    check(exact != vector_of(*picture, "--precision", "int8"), "8 bits are not fp32")
    for words in (("embed", "--text", "a dog"), ("index", folder), ("bench", "encode")):
        check("int8" in run(*words, "--precision", "fp8", status=2).stderr, f"{words[0]} names the precisions that there are")
    measured = json.loads(run("bench", "encode", "--model", "coca", "--precision", "int8", "--runs", "1", "--batch", "1", "--json").stdout)
    check(measured["precision"] == "int8" and 0.99 < measured["picture_cosine_with_fp32"] < 1.00001
          and 0.99 < measured["query_cosine_with_fp32"] < 1.00001, f"bench encode --precision int8: {measured}")


def test_clips(folder):
    """A model of movement from the index to the search."""
    frames = [json.loads(run("models", "show", model, "--json").stdout)["clip_frames"] for model in ("xclip", "coca")]
    check(frames == [4, 1], f"models show: clips of {frames}")
    clip, library = folder / "plain.mp4", ("--library", folder / "clips")
    run("index", clip, "--model", "xclip", "--every", "0.25", *library)
    for words in (("a dog",), ("--image", clip)):
        found = json.loads(run("search", *words, "--min-score", "0", "--json", *library).stdout)
        check(all(result["model"] == "xclip" for result in found["results"]), f"search {words}: {found}")
    check(found["results"], "a picture of the video is found in it")


def test_bench(folder):
    """What is measured has the same names everywhere, and numbers that can be."""
    clip = str(folder / "plain.mp4")
    decode = json.loads(run("bench", "decode", clip, "--runs", "1", "--json").stdout)
    check([way["way"] for way in decode["ways"]] == ["every frame", "every frame, scaled", "key frames, scaled"], f"decode: {decode}")
    check([way["frames"] for way in decode["ways"]] == [100, 100, 4], f"frames of a clip of 100 with 4 key frames: {decode}")
    index = json.loads(run("bench", "index", clip, "--every", "0.5", "--runs", "2", "--json").stdout)
    check([way["way"] for way in index["ways"]] == ["decode", "encode", "index"] and index["frames"] == 8, f"index: {index}")
    for way in decode["ways"] + index["ways"]:
        check(way["seconds"] > 0 and way["cpu_seconds"] > 0, f"a time is missing: {way}")
        check(abs(way["frames_per_second"] * way["seconds"] - way["frames"]) < 1e-6 * way["frames"], f"the rate is another: {way}")
    decoding, encoding, whole = index["ways"]
    bound = max(decoding["seconds"], encoding["seconds"], (decoding["cpu_seconds"] + encoding["cpu_seconds"]) / index["threads"])
    check(abs(index["bound_seconds"] - bound) < 1e-9 and abs(index["share_of_bound"] - bound / whole["seconds"]) < 1e-9, f"bound: {index}")
    on_device = json.loads(run("bench", "index", clip, "--runs", "1", "--preparation", "device", "--json").stdout)
    check(on_device["planes"] and not index["planes"], "planes go to the device when they are asked for")
    check("plain-not" in run("bench", "decode", folder / "plain-not.mp4", status=1).stderr, "a file that is not there is named")
    check("text.mp4" in run("bench", "index", folder / "text.mp4", status=1).stderr, "a file that is no video is named")


def test_bad_files(folder, library):
    hidden = folder / "hidden.mp4"
    shutil.copy(folder / "plain.mp4", hidden)
    hidden.chmod(0)
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "a-folder.mp4").mkdir()
    out = folder / "out.mp4"
    for name in ("empty.mp4", "text.mp4", "dangling.mp4", "missing.mp4", "truncated.mp4"):
        done = run("index", folder / name, *library, status=1)
        check(name in done.stderr, f"index {name}: {done.stderr}")
        done = run("export", folder / name, "--from", "0", "--to", "1", "-o", out, *library, status=1)
        check(name in done.stderr and not out.exists(), f"export {name}: {done.stderr}")
        done = run("moments", folder / name, *library, status=1)
        check(name in done.stderr, f"moments {name}: {done.stderr}")
    done = run("export", folder / "a-folder.mp4", "--from", "0", "--to", "1", "-o", out, *library, status=1)
    check("a-folder.mp4" in done.stderr, f"export of a folder: {done.stderr}")
    # One bad file among good ones does not keep them out.
    done = run("index", folder / "text.mp4", folder / "plain.mp4", *library, status=1)
    check("text.mp4" in done.stderr, "the bad file is named")
    check("a goal" not in run("search", "x", "--image", folder / "plain.mp4", *library, status=2).stdout, "words and a picture exclude each other")
    done = run("search", "--image", folder / "text.mp4", *library, status=1)
    check("text.mp4" in done.stderr, f"search --image: {done.stderr}")
    run("search", "goal", "--in", folder / "missing.mp4", *library, status=1)
    run("search", "goal", "--library", folder / "no-library", status=1)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        folder.chmod(0o755)
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        if subprocess.run([*nobody, SACCADE, "--version"], capture_output=True, check=False).returncode == 0:
            done = run("export", hidden, "--from", "0", "--to", "1", "-o", "/tmp/saccade-never.mp4", prefix=nobody, status=1)
            check("hidden.mp4" in done.stderr, f"a file without permission is named: {done.stderr}")
            done = run("export", folder / "plain.mp4", "--from", "0", "--to", "1", "-o", out, prefix=nobody, status=1)
            check("out.mp4" in done.stderr and not out.exists(), f"a folder without permission is told: {done.stderr}")
            done = run("index", hidden, "--library", folder / "of-nobody", prefix=nobody, status=1)
            check("of-nobody" in done.stderr, f"a library that cannot be made is named: {done.stderr}")
            (folder / "of-nobody").mkdir()
            os.chown(folder / "of-nobody", 65534, 65534)
            done = run("index", hidden, folder / "plain.mp4", "--library", folder / "of-nobody", prefix=nobody, status=1)
            check("hidden.mp4" in done.stderr and "1 indexed" in done.stdout, f"the readable one is indexed: {done}")
            done = run("tag", folder / "plain.mp4", "--from", "1", "--to", "2", "mine", *library, prefix=nobody, status=1)
            check(str(folder / "library") in done.stderr, f"another's library is named: {done.stderr}")


def write_png(path, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packer = zlib.compressobj(1)
    row = b"\0" + bytes(range(256)) * (3 * side // 256) + b"\x80" * (3 * side % 256)
    pixels = b"".join([packer.compress(row) for _ in range(side)] + [packer.flush()])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def test_odd_pictures(folder, library):
    write_png(folder / "dot.png", 1)
    write_png(folder / "wall.png", 20000)
    done = run("index", folder / "dot.png", folder / "wall.png", *library, status=1)
    check("wall.png" in done.stderr and "smaller" in done.stderr and "1 indexed" in done.stdout, f"1 and 20000 pixels: {done}")


def test_growing(folder, library):
    """A recording that goes on while it is indexed: told, kept as far as it went, and indexed whole the next time."""
    whole, growing = folder / "whole.ts", folder / "growing.ts"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=20", "-c:v", "mpeg2video", "-g", "25",
                    whole], check=True)
    data = whole.read_bytes()
    growing.write_bytes(data[:len(data) // 2])
    process = subprocess.Popen([SACCADE, "index", growing, *map(str, library)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with growing.open("ab") as file:
        for at in range(len(data) // 2, len(data), len(data) // 200):
            file.write(data[at:at + len(data) // 200])
            file.flush()
            time.sleep(0.05)
            if process.poll() is not None:
                break
        said = process.communicate()[0]
        check(process.returncode == 1 and "growing.ts” changed while it was read" in said, f"a growing file is told: {said}")
        file.write(data[growing.stat().st_size:])
    run("index", growing, *library)
    check("1 unchanged" in run("index", growing, *library).stdout, "the whole one is known")
    videos = json.loads(run("library", "info", "--json", *library).stdout)["videos"]
    video = next(video for video in videos if video["title"] == "growing.ts")
    check((video["state"], video["samples"]) == ("indexed", 20), f"the whole recording: {video}")


def main():
    if not shutil.which("ffmpeg"):
        print("the ffmpeg program is not here: skipped")
        return 77
    with tempfile.TemporaryDirectory(prefix="saccade-cli-") as name:
        folder = pathlib.Path(name).resolve()
        models = folder / "models"
        models.mkdir()
        # Small random weights: what they see is of no matter here.
        for model in ("starter", "coca", "xclip"):
            (models / model).symlink_to(pathlib.Path(MODELS).resolve() / model)
        os.environ.update(SACCADE_MODELS=str(models), XDG_DATA_HOME=f"{name}/data", XDG_CACHE_HOME=f"{name}/cache", XDG_CONFIG_HOME=f"{name}/config")
        os.environ.pop("DISPLAY", None)
        os.environ.pop("WAYLAND_DISPLAY", None)
        subprocess.run([sys.executable, MAKE_CLIPS, folder, "plain.mp4", "empty.mp4", "text.mp4", "truncated.mp4"], check=True)
        library = ("--library", folder / "library")
        test_words()
        test_json(folder, library)
        test_embed_video(folder)
        test_precision(folder)
        test_clips(folder)
        test_bench(folder)
        test_bad_files(folder, library)
        test_odd_pictures(folder, library)
        test_growing(folder, library)
    print(f"{checks} checks")
    return 0


sys.exit(main())
