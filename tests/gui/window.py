#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job in the real window: open a clip, index it, find a moment by typing, see it, tag it, cut it out.

usage: window.py PROGRAM DRAG_SOURCE
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import driver

PROGRAM, DRAG_SOURCE = sys.argv[1:3]
TOLERANCE = 0.045  # a frame at 25 a second


def seconds(text):
    """"1:02.5" → 62.5"""
    value = 0.0
    for part in text.split(":"):
        value = value * 60 + float(part)
    return value


def saccade(*arguments):
    answer = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def make_clip(path, length=8, pattern="testsrc2"):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{pattern}=size=320x240:rate=25:duration={length}", "-f",
                    "lavfi", "-i", f"sine=frequency=440:duration={length}", "-c:v", "libx264", "-preset", "ultrafast", "-g",
                    "25", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)], check=True)
    return path


def probe(path):
    answer = subprocess.run(["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)],
                            capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def near(window, expected, what):
    try:
        driver.wait_for(what, lambda: abs(window.position() - expected) <= TOLERANCE, 20)
    except AssertionError:
        raise AssertionError(f"{what}: at {window.position()} instead of {expected}") from None


def test_empty(_home):
    window = driver.Window(PROGRAM)
    window.wait("Find the moment")
    window.wait("Add Videos…", "push button")
    window.wait("Add a Folder…", "push button")
    window.wait("Search moments")
    assert not window.find("Timeline", "slider"), "a timeline without a video"
    window.keys("ctrl+comma")
    window.wait("Preferences", "frame")
    for row in ("Model", "Device", "Seconds between frames", "Folder"):
        window.wait(row)
    window.keys("Escape")
    window.wait_gone("Preferences", "frame")
    window.keys("ctrl+question")
    for title in ("Play, pause", "Tag the span", "Export the span", "Next result", "Go to a typed time"):
        window.wait(title)
    window.keys("Escape")
    window.close()


def test_bad_file(home):
    bad = home / "words.mp4"
    bad.write_text("this is no video\n" * 100)
    window = driver.Window(PROGRAM, bad)
    window.wait("This cannot be played")
    window.wait(test=lambda part: "words.mp4" in (part.get_name() or "") and part.get_role_name() == "label")
    window.wait("Open Another…", "push button")
    window.close()


def test_missing_file(home):
    window = driver.Window(PROGRAM, home / "gone.mp4")
    window.wait("This cannot be played")
    window.close()


def test_playing(window):
    window.seek(1.0)
    near(window, 1.0, "seeking by the slider")
    assert window.slider().get_description() == "0:01.000", window.slider().get_description()
    before = window.position()
    window.keys("period")
    near(window, before + 0.04, "one frame on")
    window.keys("comma")
    near(window, before, "one frame back")
    window.keys("shift+Right")
    near(window, before + 1, "a second on")
    window.keys("Home")
    near(window, 0, "to the start")
    window.press("Play", "push button")
    driver.wait_for("the clip to play", lambda: window.position() > 0.3, 10)
    window.press("Pause", "push button")
    window.wait("Play", "push button")
    at = window.position()
    time.sleep(0.4)
    assert abs(window.position() - at) < 0.2, "it plays on after a pause"


def test_index_and_search(window):
    window.wait("Not indexed yet")
    window.press("Index", "push button")
    driver.wait_for("the clip to be indexed", lambda: window.find("Type what you remember: it is looked for in all your "
                                                                 "videos."), 180)
    window.type_into("Search moments", "a colourful test picture")
    rows = driver.wait_for("results", window.result_rows, 60)
    name = driver.wait_for("a result with its name", lambda: first_name(rows[0]), 10)
    start = seconds(re.match(r"([\d:.]+) – ", name).group(1))
    window.seek(7.5)
    near(window, 7.5, "away from the result")
    window.keys("ctrl+g")
    driver.wait_for("the result's first frame", lambda: abs(window.position() - start) < 0.12, 20)
    window.wait("Clear the marks", "push button")
    # The last words win: what is typed quickly ends in the answer to all of it.
    for text in ("c", "ca", "cat", "a cat on a table"):
        window.type_into("Search moments", text)
    driver.wait_for("results of the last words", window.result_rows, 30)
    window.type_into("Search moments", "")
    driver.wait_for("the results to go", lambda: not window.result_rows(), 20)


def first_name(row):
    stack = [row]
    while stack:
        part = stack.pop(0)
        if part and re.match(r"[\d:.]+ – ", part.get_name() or ""):
            return part.get_name()
        stack += [part.get_child_at_index(i) for i in range(part.get_child_count())] if part else []
    return None


def mark(window, start, end):
    window.seek(start)
    near(window, start, "the start of the span")
    window.keys("i")
    window.seek(end)
    near(window, end, "the end of the span")
    window.keys("o")
    window.wait(test=lambda part: re.match(rf"0:0{start:.3f} – 0:0{end:.3f}", part.get_name() or ""))


def tags(clip):
    return [(m["label"] or m["text"], m["start"], m["end"]) for m in moments_of(clip) if m["kind"] == "tag"]


def moments_of(clip):
    answer = saccade("moments", clip, "--json")
    return answer["moments"] if isinstance(answer, dict) else answer


def test_tag(window, clip):
    mark(window, 2.0, 4.0)
    window.keys("t")
    window.type_into("Tag label", "my favourite")
    window.press("Save Tag", "push button")
    driver.wait_for("the tag in the library", lambda: tags(clip) == [("my favourite", 2.0, 4.0)], 20)
    window.wait(test=lambda part: "my favourite" in (part.get_name() or ""))
    window.keys("ctrl+z")
    driver.wait_for("undo", lambda: tags(clip) == [], 20)
    window.keys("ctrl+shift+z")
    driver.wait_for("redo", lambda: tags(clip) == [("my favourite", 2.0, 4.0)], 20)


def test_export(window, home):
    window.keys("x")
    mark(window, 2.0, 4.0)
    window.press("Export", "push button")
    window.wait("Export Clip", "frame")
    window.press("Save Clip", "push button")
    clip = driver.wait_for("the exported file", lambda: next(iter(home.glob("clip 0.02.000.mp4")), None), 60)
    answer = probe(clip)
    assert abs(float(answer["format"]["duration"]) - 2.0) < 0.1, answer["format"]["duration"]
    kinds = [stream["codec_type"] for stream in answer["streams"]]
    assert "video" in kinds and "audio" in kinds, kinds
    window.press("Export", "push button")
    window.press("Save Clip", "push button")
    window.wait("Replace “clip 0.02.000.mp4”?")
    window.press("Cancel", "push button")
    window.keys("Escape")


def test_remembered(clip):
    window = driver.Window(PROGRAM)
    window.wait(clip.name, "frame")
    near(window, 6.0, "where it was left")
    window.press("Library", test_role(window, "Library"))
    window.wait("1 video")
    window.close()


def test_role(window, name):
    return window.wait(name, test=lambda part: part.get_action_iface() is not None).get_role_name()


def test_dropped(home):
    """Files and folders dropped on the window are added; onto an empty one, the first video also opens."""
    folder = home / "dropped"
    folder.mkdir()
    first, inner = make_clip(home / "first.mp4", 2, "smptebars"), make_clip(folder / "inner.mp4", 2, "rgbtestsrc")
    own = {"XDG_DATA_HOME": str(home / "new/data"), "XDG_CONFIG_HOME": str(home / "new/config")}
    window = driver.Window(PROGRAM, environment=own)
    window.wait("Find the moment")
    window.drop(DRAG_SOURCE, first, folder)
    window.wait("first.mp4", "frame")
    window.wait("Timeline", "slider")
    library = home / "new/data/saccade"
    driver.wait_for("both videos in the library", lambda: {pathlib.Path(video["file"]).name for video in saccade(
        "library", "info", "--library", library, "--json")["videos"]} == {first.name, inner.name}, 120)
    window.close()


def test_resumed(home):
    """A job that is cut off by SIGKILL goes on at the next start, and the window says so."""
    long = make_clip(home / "long.mp4", 40, "testsrc")
    window = driver.Window(PROGRAM, long)
    window.press("Index", "push button")
    window.wait("Being indexed")
    time.sleep(3)
    window.kill()
    window = driver.Window(PROGRAM)
    jobs = window.wait("Jobs", test=lambda part: part.get_action_iface() is not None, seconds=30)
    assert jobs, "no job was taken up"
    window.close()


def main():
    driver.need("ffmpeg", "ffprobe", "xdotool")
    home = driver.inside_session()
    if not (pathlib.Path(os.environ["SACCADE_MODELS"]) / "starter" / "config.json").exists():
        driver.skip("no starter model: ./run --setup makes it")
    signal.alarm(540)
    test_empty(home)
    test_bad_file(home)
    test_missing_file(home)
    clip = make_clip(home / "clip.mp4")
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    test_playing(window)
    test_index_and_search(window)
    test_tag(window, clip)
    test_export(window, home)
    window.seek(6.0)
    near(window, 6.0, "before the end")
    window.close()
    test_remembered(clip)
    test_dropped(home)
    test_resumed(home)
    print("all of the window's tests passed")


main()
