#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts clips with the built program and looks at every picture and beep of them by decoding.

    clips.py SACCADE MAKE-CLIPS MODELS

Every picture of the source carries its number (see make-clips.py), and each of two sound tracks beeps at every full second.
"""
import array
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

SACCADE, MAKE_CLIPS, MODELS = sys.argv[1:4]
WIDTH, HEIGHT = 320, 180
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"failed: {what}")


def run(*words, status=0):
    done = subprocess.run([SACCADE, *map(str, words)], capture_output=True, text=True, check=False, timeout=120)
    check(done.returncode == status, f"{words}: status {done.returncode}, expected {status}: {done.stderr}")
    return done


def media(program, *words):
    return subprocess.run([program, "-v", "error", *map(str, words)], capture_output=True, check=True).stdout


def numbers(path, width=WIDTH, height=HEIGHT):
    raw = media("ffmpeg", "-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    row = [(2 * column + 1) * width // 32 for column in range(16)]
    found = []
    for at in range(0, len(raw), width * height):
        line = raw[at + height // 4 * width:at + height // 4 * width + width]
        found.append(sum((line[x] > 128) << (15 - bit) for bit, x in enumerate(row)))
    return found


def picture_times(path):
    lines = media("ffprobe", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path)
    return [float(line.strip(",")) for line in lines.decode().split() if line.strip(",")]


def beeps(path, track):
    raw = media("ffmpeg", "-copyts", "-i", path, "-map", f"0:a:{track}", "-f", "s16le", "-ac", "1", "-ar", "48000", "-af",
                "aresample=async=1:first_pts=0", "-")
    found, last = [], -10**9
    for at, value in enumerate(array.array("h", raw)):
        if abs(value) > 3000:
            if at - last > 9600:
                found.append(at / 48000)
            last = at
    return found


def without_messages(path):
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v?", "-map", "0:a?", "-f", "null", "-"], capture_output=True, check=False)
    check(done.returncode == 0 and not done.stderr, f"{path}: another player complains: {done.stderr.decode()}")


def show(path, *what):
    return json.loads(media("ffprobe", *what, "-of", "json", path))


def heard(path, track):
    first = picture_times(path)[0]
    return [at - first for at in beeps(path, track)]


def check_sound(source, clip, start, end, tracks, known={}):
    """Each beep of the source is in the clip, as far from the pictures as it was, within 10 ms; some codecs delay it by themselves."""
    for track in range(tracks):
        if (source, track) not in known:
            known[source, track] = heard(source, track)
        found = [at + start for at in heard(clip, track)]
        expected = [at for at in known[source, track] if start + 0.06 < at < end - 0.05]
        check(expected or end - start < 1.2, f"{source}: track {track} has beeps")
        for second in expected:
            check(any(abs(at - second) < 0.010 for at in found), f"{clip}: track {track}: no beep at {second}: {found}")


def make_source(folder):
    subprocess.run([sys.executable, MAKE_CLIPS, folder, "plain.mp4", "plain.webm", "plain.avi", "plain.ts", "variable.mp4", "odd.mkv",
                    "ten-bit.mp4", "rotated-90.mp4", "sound-only.m4a", "size-change.ts", "anamorphic.mp4", "truncated.mkv", "empty.mp4",
                    "text.mp4", "picture.png"], check=True)
    chapters = folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\ntitle=Numbered\n"
                        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n"
                        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4000\ntitle=Two\n")
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,500 --> 00:00:01,800\nhello\n\n2\n00:00:02,000 --> 00:00:03,500\nworld\n\n")
    # Open groups of pictures, so that a cut meets pictures that need the group before.
    for name, sound in (("open.mkv", "libopus"), ("open.mp4", "aac")):
        media("ffmpeg", "-y", "-i", folder / "plain.mp4", "-i", words, "-i", chapters, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1",
              "-map_metadata", "2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "25", "-bf", "3", "-x264-params",
              "open-gop=1:scenecut=0:b-pyramid=normal", "-c:a", sound, "-c:s", "mov_text" if name.endswith("4") else "srt",
              "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", folder / name)


def test_exact(folder):
    for source, output in (("open.mkv", "a.mp4"), ("open.mkv", "a.mkv"), ("open.mp4", "b.mkv"), ("open.mp4", "a.webm"), ("plain.ts", "c.mp4"),
                           ("plain.avi", "d.mp4"), ("plain.webm", "e.mp4")):
        tracks = 2 if source.startswith("open") else 1
        for start, end in ((0, 1.0), (1.52, 3.2), (0.96, 1.0), (3.0, 9.0)):
            clip = folder / f"{source}-{start}-{output}"
            report = json.loads(run("export", folder / source, "--from", start, "--to", end, "--exact", "-o", clip, "--json").stdout)
            expected = list(range(round(start * 25), min(round(end * 25), 100)))
            check(numbers(clip) == expected, f"{clip}: {numbers(clip)} instead of {expected}")
            check(abs(report["clips"][0]["actual_start"] - start) < 0.001, f"{clip}: {report}")
            without_messages(clip)
            if end - start > 0.5:
                check_sound(folder / source, clip, start, min(end, 4.0), tracks)
    # The picture that is shown at `from` begins the clip even if it began before; milliseconds that were rounded mean the frame they name.
    run("export", folder / "open.mp4", "--from", "1.03", "--to", "1.17", "-o", folder / "middle.mp4")
    check(numbers(folder / "middle.mp4") == [25, 26, 27, 28, 29], f"a cut within a picture: {numbers(folder / 'middle.mp4')}")
    check(picture_times(folder / "middle.mp4")[1] < 0.0105, "the first picture is shown for what is left of it")
    # Variable frame rate: times are kept, not counted.
    run("export", folder / "variable.mp4", "--from", "0", "--to", "3", "-o", folder / "variable-clip.mp4")
    check(numbers(folder / "variable-clip.mp4") == [n for n in range(75) if not 5 <= n % 20 <= 14], "variable frame rate: pictures")
    for number, at in zip(numbers(folder / "variable-clip.mp4"), picture_times(folder / "variable-clip.mp4")):
        check(abs(number / 25 - at) < 0.002, f"variable frame rate: {number} at {at}")
    stream = show(folder / "variable-clip.mp4", "-show_streams", "-select_streams", "v")["streams"][0]
    check(stream["codec_name"] == "h264", "H.264 in mp4")


def test_kept(folder):
    clip = folder / "open.mkv-1.52-a.mp4"
    about = show(clip, "-show_streams", "-show_chapters", "-show_format")
    check([s["tags"]["language"] for s in about["streams"] if s["codec_type"] == "audio"] == ["eng", "deu"], "languages are kept")
    check(any(s["codec_name"] == "mov_text" for s in about["streams"]), "subtitles are kept")
    check(about["format"]["tags"]["title"] == "Numbered", "the title is kept")
    chapters = [(c["tags"]["title"], round(float(c["start_time"]), 1), round(float(c["end_time"]), 1)) for c in about["chapters"]]
    check([c[0] for c in chapters] == ["One", "Two"] and abs(chapters[1][1] - 0.48) < 0.1 and abs(chapters[1][2] - 1.68) < 0.1,
          f"chapters are shifted and trimmed: {chapters}")
    run("export", folder / "ten-bit.mp4", "--from", "1", "--to", "2", "-o", folder / "ten.mp4")
    check("10" in show(folder / "ten.mp4", "-show_streams")["streams"][0]["pix_fmt"], "ten bits are kept")
    run("export", folder / "odd.mkv", "--from", "1", "--to", "2", "-o", folder / "odd-clip.mp4")
    without_messages(folder / "odd-clip.mp4")
    run("export", folder / "anamorphic.mp4", "--from", "1", "--to", "2", "-o", folder / "wide.mp4")
    check(show(folder / "wide.mp4", "-show_streams")["streams"][0]["sample_aspect_ratio"] == "4:3", "the sample aspect is kept")
    run("export", folder / "rotated-90.mp4", "--from", "1", "--to", "2", "-o", folder / "upright.mkv")
    stream = show(folder / "upright.mkv", "-show_streams", "-select_streams", "v")["streams"][0]
    check((stream["width"], stream["height"]) == (HEIGHT, WIDTH), "a turned picture is upright")
    run("export", folder / "rotated-90.mp4", "--from", "1", "--to", "2", "--copy", "-o", folder / "turned.mp4")
    check("rotation" in json.dumps(show(folder / "turned.mp4", "-show_streams")), "a copy keeps how it is turned")
    check("--exact" in run("export", folder / "rotated-90.mp4", "--from", "1", "--to", "2", "--copy", "-o", folder / "turned.mkv", status=1).stderr,
          "mkv says that it cannot hold how a picture is turned")
    run("export", folder / "sound-only.m4a", "--from", "0.5", "--to", "2.5", "-o", folder / "sound.mp4")
    run("export", folder / "size-change.ts", "--from", "3", "--to", "5", "-o", folder / "one-size.mp4")
    without_messages(folder / "one-size.mp4")


def test_copy(folder):
    for source, output in (("open.mkv", "x.mp4"), ("open.mkv", "x.mkv"), ("open.mp4", "y.mp4"), ("open.mp4", "y.mkv"), ("plain.webm", "z.webm"),
                           ("plain.mp4", "p.mp4")):
        clip = folder / f"copy-{source}-{output}"
        done = run("export", folder / source, "--from", "1.5", "--to", "2.6", "--copy", "-o", clip, "--json")
        report = json.loads(done.stdout)["clips"][0]
        found = numbers(clip)
        first, last = round(report["actual_start"] * 25), round(report["actual_end"] * 25)
        check(found == list(range(first, last)), f"{clip}: {found} instead of {first}…{last - 1}")
        check(first <= 37 and first > 0 and 65 <= last <= 75, f"{clip}: {first}…{last} for 37…65")
        check(report["start"] == 1.5, "what was asked is told too")
        check("key frame" in done.stderr, "where the cut falls is told")
        without_messages(clip)
        check_sound(folder / source, clip, report["actual_start"], report["actual_end"], 1)
    done = run("export", folder / "plain.mp4", "--from", "1", "--to", "2", "--copy", "-o", folder / "no.webm", status=1)
    check("h264" in done.stderr and "--exact" in done.stderr and not (folder / "no.webm").exists(), "what webm cannot hold is told")


def test_never_overwrites(folder):
    precious = folder / "precious.mp4"
    precious.write_text("mine")
    done = run("export", folder / "plain.mp4", "--from", "1", "--to", "2", "-o", precious, status=1)
    check(precious.read_text() == "mine" and str(precious) in done.stderr, "a file that is there is left alone")
    run("export", folder / "plain.mp4", "--from", "1", "--to", "2", "-o", precious, "--overwrite")
    check(len(numbers(precious)) == 25, "--overwrite replaces it")
    source = folder / "plain.mp4"
    before = source.read_bytes()
    run("export", source, "--from", "1", "--to", "2", "-o", source, "--overwrite", status=1)
    check(source.read_bytes() == before, "what is cut is never overwritten")
    for name in ("empty.mp4", "text.mp4", "picture.png", "missing.mp4"):
        done = run("export", folder / name, "--from", "1", "--to", "2", "-o", folder / f"bad-{name}.mp4", status=1)
        check(name in done.stderr, f"{name}: {done.stderr}")
        check(not (folder / f"bad-{name}.mp4").exists(), f"{name}: nothing is written")
    # What is left of a broken file can be cut.
    run("export", folder / "truncated.mkv", "--from", "0.4", "--to", "1", "-o", folder / "rest.mp4")
    check(numbers(folder / "rest.mp4") == list(range(10, 25)), "a truncated file gives what is there")
    run("export", folder / "plain.mp4", "--from", "2", "--to", "1", "-o", folder / "none.mp4", status=2)
    run("export", folder / "plain.mp4", "--from", "20", "--to", "30", "-o", folder / "none.mp4", status=2)
    check(not [p for p in folder.iterdir() if p.name.endswith(".part")], "no half a file is left")


def test_cancelled_and_killed(folder):
    long = folder / "long.mp4"
    media("ffmpeg", "-y", "-stream_loop", "20", "-i", folder / "plain.mp4", "-vf", "scale=1280:720", "-c:v", "libx264", "-preset", "ultrafast",
          "-c:a", "copy", long)
    for number, status in ((signal.SIGINT, 1), (signal.SIGKILL, -9)):
        out = folder / f"interrupted-{int(number)}.mp4"
        part = folder / f".{out.name}.saccade.part"
        child = subprocess.Popen([SACCADE, "export", long, "--from", "0", "--to", "80", "-o", out], stderr=subprocess.PIPE, text=True)
        while child.poll() is None and not (part.exists() and part.stat().st_size > 0):
            time.sleep(0.02)
        check(child.poll() is None, "it was still writing")
        child.send_signal(number)
        message = child.communicate(timeout=30)[1]
        check(child.returncode == status, f"{number}: status {child.returncode}: {message}")
        check(not out.exists(), "no half a clip has the name")
        check(part.exists() == (number == signal.SIGKILL), "what was cancelled leaves nothing")
        if number == signal.SIGKILL:
            run("export", folder / "plain.mp4", "--from", "1", "--to", "2", "-o", out)
            check(out.exists() and not part.exists(), "the next export takes over what a killed one left")
        else:
            check(out.name in message, f"the message names the clip: {message}")


def test_full_disk(folder):
    mount = folder / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", mount], capture_output=True, check=False).returncode:
        print("a small disk cannot be mounted here: not tried")
        return
    try:
        done = run("export", folder / "long.mp4", "--from", "0", "--to", "5", "--copy", "-o", mount / "clip.mp4", status=1)
        check("clip.mp4" in done.stderr and "space" in done.stderr.lower(), f"a full disk is told: {done.stderr}")
        check(not list(mount.iterdir()), "a full disk keeps nothing")
    finally:
        subprocess.run(["umount", mount], check=True)


def test_lists(folder):
    library = folder / "library"
    common = ("--library", library)
    run("index", folder / "plain.mp4", *common)
    for start, end, label in ((0.4, 1.2, 'a "quoted", <label> & more'), (2.0, 3.0, "goal")):
        run("tag", folder / "plain.mp4", "--from", start, "--to", end, label, *common)
    found = json.loads(run("export", "--query", "goal", "--limit", "1", "-o", folder / "found", "--json", *common).stdout)
    check(len(found["clips"]) == 1 and numbers(found["clips"][0]["output"]), f"a search's moments are cut: {found}")
    for name in ("csv", "edl", "otio", "fcpxml", "vtt", "json"):
        run("export", "--tag", "goal", "-o", folder / f"list.{name}", *common)
        run("export", "--tag", 'a "quoted", <label> & more', "-o", folder / f"odd.{name}", *common)
        run("export", "--tag", "goal", "-o", folder / f"list.{name}", *common, status=1)
    edl = (folder / "list.edl").read_text()
    check(" 00:00:02:00 00:00:03:00 01:00:00:00 01:00:01:00" in edl, f"EDL: {edl}")
    otio = json.loads((folder / "list.otio").read_text())
    clip = otio["tracks"]["children"][0]["children"][0]
    check(otio["OTIO_SCHEMA"] == "Timeline.1" and clip["source_range"]["start_time"]["value"] == 50 and
          clip["source_range"]["duration"]["value"] == 25 and clip["source_range"]["duration"]["rate"] == 25, f"OTIO: {clip}")
    root = xml.parse(folder / "list.fcpxml").getroot()
    asset = root.find(".//spine/asset-clip")
    check(root.get("version") == "1.9" and asset.get("start") == "50/25s" and asset.get("duration") == "25/25s", "FCPXML")
    check(xml.parse(folder / "odd.fcpxml").getroot().find(".//asset-clip").get("name") == 'a "quoted", <label> & more', "FCPXML escapes")
    check('"a ""quoted"", <label> & more"' in (folder / "odd.csv").read_text(), "CSV quotes")
    check("00:00:02.000 --> 00:00:03.000\ngoal" in (folder / "list.vtt").read_text(), "WebVTT")
    check(json.loads((folder / "list.json").read_text())["moments"][0]["label"] == "goal", "JSON")
    out = folder / "clips"
    run("export", "--tag", "goal", "-o", out, "--template", "{n} {label}/{title}", *common)
    run("export", "--tag", "goal", "-o", out, "--template", "{n} {label}/{title}", *common)
    check(sorted(p.name for p in out.iterdir()) == ["001 goal_plain (2).mp4", "001 goal_plain.mp4"], f"names: {list(out.iterdir())}")
    check(numbers(out / "001 goal_plain.mp4") == list(range(50, 75)), "the tag's pictures")
    check("{bad}" in run("export", "--tag", "goal", "-o", out, "--template", "{bad}", *common, status=2).stderr, "a wrong template is told")
    check("nowhere" in run("export", "--tag", "nowhere", "-o", out, *common, status=1).stderr, "a tag that is not there is told")


def main():
    if not shutil.which("ffmpeg") or not shutil.which("ffprobe"):
        print("the ffmpeg program is not here: skipped")
        return 77
    with tempfile.TemporaryDirectory(prefix="saccade-export-") as name:
        folder = pathlib.Path(name)
        models = folder / "models"
        models.mkdir()
        # Small random weights: what they see is of no matter here.
        (models / "starter").symlink_to(pathlib.Path(MODELS).resolve() / "starter")
        os.environ.update(SACCADE_MODELS=str(models), XDG_DATA_HOME=f"{name}/data", XDG_CACHE_HOME=f"{name}/cache", XDG_CONFIG_HOME=f"{name}/config")
        make_source(folder)
        for test in (test_exact, test_kept, test_copy, test_never_overwrites, test_cancelled_and_killed, test_full_disk, test_lists):
            test(folder)
            print(f"{test.__name__}: {checks} checks so far")
    return 0


sys.exit(main())
