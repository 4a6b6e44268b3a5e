#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library page of the real window: it scrolls through 5 000 videos without a stall, and filters, tags, forgets and finds again.

usage: library.py PROGRAM MAKE_LIBRARY
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

PROGRAM, MAKE_LIBRARY = sys.argv[1:3]
LIMIT_MS = 50.0
BUSY_LIMIT_MS = 600.0
VIDEOS = 5000


def make_clip(path, pattern="testsrc2", length=2, size="320x240"):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{pattern}=size={size}:rate=25:duration={length}", "-c:v",
                    "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def saccade(*arguments):
    answer = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout) if "--json" in arguments else answer.stdout


def label_test(pattern):
    return lambda part: re.search(pattern, part.get_name() or "") is not None


def picture(window, name):
    if "SACCADE_TEST_PICTURES" in os.environ:
        window.picture(pathlib.Path(os.environ["SACCADE_TEST_PICTURES"]) / name)


def set_setting(home, key, value):
    """Into the file of settings, before the program runs."""
    folder = home / "config/glib-2.0/settings"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "keyfile"
    old = [line for line in file.read_text(encoding="utf-8").split("\n") if line and not line.startswith(f"{key}=")] \
        if file.exists() else ["[org/saccade/Saccade]"]
    file.write_text("\n".join([*old, f"{key}={value}", ""]), encoding="utf-8")


def measure(window, log):
    """The longest stall since the last measure."""
    before = len(log.read_text().split()) if log.exists() else 0
    window.process.send_signal(signal.SIGUSR1)
    values = driver.wait_for("the log", lambda: log.exists() and log.read_text().split()[before:], 30)
    return float(values[-1])


def scroll(window, times, button):
    """With the wheel, over the middle of the window."""
    geometry = subprocess.run(["xdotool", "getwindowgeometry", "--shell", window.own_window()], capture_output=True, text=True,
                              check=True).stdout
    left, top, width, height = (int(line.split("=")[1]) for line in geometry.splitlines()[1:5])
    subprocess.run(["xdotool", "mousemove", str(left + width // 2), str(top + height // 2), "click", "--repeat", str(times),
                    "--delay", "25", str(button)], check=True)


def test_large(home):
    clip = make_clip(home / "tiny.mp4", size="64x48", length=1)
    data = home / "large"
    subprocess.run([MAKE_LIBRARY, data / "saccade", home / "videos", clip, str(VIDEOS), "0", "starter", "384"], check=True)
    log = home / "stalls"
    window = driver.Window(PROGRAM, environment={"XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data),
                                                 "SACCADE_STALL_LOG": str(log)})
    window.wait(f"{VIDEOS} videos", seconds=60)
    time.sleep(3)
    print(f"start with {VIDEOS} videos: {measure(window, log):.1f} ms")
    scroll(window, 120, 5)
    time.sleep(1)
    scroll(window, 60, 4)
    time.sleep(1)
    stalls = {"the grid": measure(window, log)}
    picture(window, "library-grid.png")
    measure(window, log)
    window.press("Show as a list")
    time.sleep(1.5)
    print(f"to the list: {measure(window, log):.1f} ms")
    scroll(window, 150, 5)
    time.sleep(1)
    stalls["the list"] = measure(window, log)
    picture(window, "library-list.png")
    measure(window, log)
    window.type_into("Filter videos", "video-0499")
    window.wait(f"10 of {VIDEOS} videos")
    window.type_into("Filter videos", "")
    window.wait(f"{VIDEOS} videos")
    print(f"filtering: {measure(window, log):.1f} ms")
    window.kill()
    limit = BUSY_LIMIT_MS if os.environ["SACCADE_TEST_BUSY"] == "1" else LIMIT_MS
    for what, longest in stalls.items():
        print(f"scrolling {what}: {longest:.1f} ms (limit {limit:.0f})")
        assert 0 < longest < limit, (what, longest)


def tags():
    return {(tag["label"], tag["colour"]) for video in saccade("library", "info", "--json")["videos"]
            for tag in saccade("moments", video["file"], "--kind", "tag", "--json")["moments"]}


def open_tags(window):
    """Again until it opens: a dialog that is just going takes the click."""
    def opened():
        if window.find(test=label_test("^Change the tag")):
            return True
        window.click(window.wait("Tags"))
        time.sleep(1)
        return False

    driver.wait_for("the tags", opened, 30)


def test_tags(window):
    open_tags(window)
    driver.wait_for("the tags", lambda: window.find("Change the tag “goal”") and window.find("Change the tag “foul”"), 20)
    picture(window, "library-tags.png")
    window.press("Change the tag “goal”")
    window.type_into("Tag name", "point")
    window.press("Change Tag", "push button")
    driver.wait_for("the new name", lambda: tags() == {("point", "#ff8800"), ("foul", None)}, 20)
    window.press("Undo", "push button")
    driver.wait_for("undo", lambda: tags() == {("goal", "#ff8800"), ("foul", None)}, 20)
    open_tags(window)
    window.press("Change the tag “foul”")
    window.press("Remove Tag", "push button")
    driver.wait_for("the removal", lambda: tags() == {("goal", "#ff8800")}, 20)
    open_tags(window)
    driver.wait_for("the list without it", lambda: window.find("Change the tag “goal”") and
                    not window.find("Change the tag “foul”"), 20)
    window.keys("Down", "Return")
    window.wait(test=label_test(r"^1 of 3 videos · goal"))
    picture(window, "library-tagged.png")
    open_tags(window)
    window.wait("Change the tag “goal”")
    window.keys("Return")
    window.wait("3 videos")


def test_missing(clips, home):
    """A file that is gone is said to be missing; one that has moved into a watched folder is found again by itself."""
    away = home / "away.mp4"
    os.rename(clips[2], away)
    window = driver.Window(PROGRAM)
    window.wait(test=label_test("1 file is no longer where it was"))
    picture(window, "library-missing.png")
    window.press("Find Them", "push button")
    time.sleep(1)
    assert window.find("Find Them", "push button"), "found where it is not"
    moved = home / "watched/deep/renamed.mp4"
    moved.parent.mkdir(parents=True)
    window.close()
    os.rename(away, moved)
    window = driver.Window(PROGRAM)
    driver.wait_for("the file that moved", lambda: str(moved) in [v["file"] for v in saccade("library", "info", "--json")["videos"]], 60)
    window.wait_gone("Find Them", "push button")
    return window


def test_watched(window, home):
    """What comes into a watched folder, or is there at the start, is in the library soon; what is no video is not."""
    make_clip(home / "watched/fresh.mp4", "smptebars")
    (home / "watched/notes.txt").write_text("no video")
    names = driver.wait_for("the new video", lambda: [v["file"] for v in saccade("library", "info", "--json")["videos"]
                                                      if v["file"].endswith("watched/fresh.mp4")], 150)
    assert len(names) == 1, names
    window.keys("ctrl+comma")
    window.wait("Do not watch “watched”")
    picture(window, "preferences.png")
    window.press("Do not watch “watched”")
    window.wait_gone("Do not watch “watched”")
    window.keys("Escape")
    window.wait_gone("Preferences", "frame")


def test_forget(window, clips):
    def forget():
        def opened():
            if window.find("Remove from Library", "menu item"):
                return True
            card = window.find(test=label_test(r"^video-00001.*Not indexed"))
            menu = next((part for part in window.walk(card) if part.get_name() == "More"), None) if card else None
            if menu:
                window.click(menu)
                time.sleep(1)
            return False

        driver.wait_for("the card's menu", opened, 30)
        window.press("Remove from Library", "menu item")

    n = len(saccade("library", "info", "--json")["videos"])
    forget()
    window.wait("3 videos")
    window.press("Undo", "push button")
    window.wait("4 videos")
    assert len(saccade("library", "info", "--json")["videos"]) == n, "it was forgotten before it could be undone"
    forget()
    window.wait("3 videos")
    window.close()
    assert len(saccade("library", "info", "--json")["videos"]) == n - 1, "it was not forgotten at the end"
    assert clips[1].exists(), "the file was deleted"


def test_window(home):
    subprocess.run([MAKE_LIBRARY, home / "data/saccade", home / "clips", make_clip(home / "clip.mp4"), "3", "0", "starter", "384"],
                   check=True)
    clips = [home / f"clips/video-0000{n}.mp4" for n in range(3)]
    saccade("tag", clips[0], "--from", "0", "--to", "1", "--colour", "#ff8800", "goal", "--json")
    saccade("tag", clips[1], "--from", "0", "--to", "1", "foul", "--json")
    set_setting(home, "watched-folders", f"['{home / 'watched'}']")
    window = driver.Window(PROGRAM)
    window.wait("3 videos")
    test_tags(window)
    window.close()
    window = test_missing(clips, home)
    test_watched(window, home)
    window.close()
    window = driver.Window(PROGRAM)
    window.wait("4 videos")
    test_forget(window, clips)


def main():
    driver.need("ffmpeg", "xdotool")
    busy = os.getloadavg()[0] / os.cpu_count() > 0.6
    os.environ.setdefault("SACCADE_TEST_BUSY", "1" if busy else "0")
    home = driver.inside_session()
    signal.alarm(540)
    test_window(home)
    test_large(home)
    print("all of the library's tests passed")


main()
