#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching in the real window: tracks, subtitles, chapters, loops, the bus, a full screen, and files that go on where they were left.

usage: player.py PROGRAM DRAG_SOURCE
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import driver

PROGRAM, DRAG_SOURCE = sys.argv[1:3]
LENGTH = 40
SUBTITLES = """1
00:00:02,000 --> 00:00:08,000
<i>Hello</i> there

2
00:00:20,000 --> 00:00:30,000
Good night
"""
CHAPTERS = ";FFMETADATA1\n" + "".join(f"[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={end}\ntitle={title}\n" for start, end, title in (
    (0, 10, "Morning"), (10, 25, "Noon"), (25, LENGTH, "Evening")))


def make_clip(path):
    chapters, subtitles = path.with_suffix(".chapters"), path.with_suffix(".subtitles")
    chapters.write_text(CHAPTERS)
    subtitles.write_text(SUBTITLES)
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={LENGTH}", "-f", "lavfi", "-i",
                    f"sine=frequency=440:duration={LENGTH}", "-f", "lavfi", "-i", f"sine=frequency=880:duration={LENGTH}", "-f", "srt", "-i",
                    subtitles, "-i", chapters, "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_chapters", "4", "-c:v", "libx264",
                    "-preset", "ultrafast", "-g", "250", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", "srt", "-metadata:s:a:1",
                    "title=Commentary", "-disposition:s:0", "default", path], check=True)
    chapters.unlink()
    subtitles.unlink()
    return path


def near(window, expected, what, tolerance=0.1):
    try:
        driver.wait_for(what, lambda: abs(window.position() - expected) <= tolerance, 20)
    except AssertionError:
        raise AssertionError(f"{what}: at {window.position()} instead of {expected}") from None


def says(window, words):
    try:
        driver.wait_for(f"“{words}” below the picture", lambda: window.find("Video").get_description() == words, 15)
    except AssertionError:
        raise AssertionError(f"the subtitle is “{window.find('Video').get_description()}”, not “{words}”") from None


class Bus:
    def __init__(self):
        from gi.repository import Gio, GLib
        self.gio, self.glib = Gio, GLib
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)

    def call(self, interface, method, arguments=None):
        return self.bus.call_sync("org.mpris.MediaPlayer2.saccade", "/org/mpris/MediaPlayer2", interface, method, arguments, None,
                                  self.gio.DBusCallFlags.NO_AUTO_START, 10000, None)

    def player(self, method, arguments=None):
        return self.call("org.mpris.MediaPlayer2.Player", method, arguments)

    def get(self, name, interface="org.mpris.MediaPlayer2.Player"):
        return self.call("org.freedesktop.DBus.Properties", "Get", self.glib.Variant("(ss)", (interface, name))).unpack()[0]

    def set(self, name, value, interface="org.mpris.MediaPlayer2.Player"):
        self.call("org.freedesktop.DBus.Properties", "Set", self.glib.Variant("(ssv)", (interface, name, value)))


def test_subtitles(window, home):
    window.seek(4.0)
    says(window, "Hello there")
    window.keys("v")
    says(window, "")
    window.keys("v")
    says(window, "Hello there")
    window.seek(12.0)
    says(window, "")
    window.seek(22.0)
    says(window, "Good night")
    # Dropped, a file of subtitles is one more track, and chosen.
    other = home / "other.srt"
    other.write_text("1\n00:00:21,000 --> 00:00:31,000\nFrom elsewhere\n")
    window.drop(DRAG_SOURCE, other)
    says(window, "From elsewhere")


def test_tracks(window):
    window.keys("numbersign")
    window.wait(test=lambda part: "Sound 2 of 2: Commentary" in (part.get_name() or ""))
    assert window.find("Tracks"), "no menu of tracks"
    window.keys("Home", "Page_Up")
    near(window, 10, "the next chapter")
    window.keys("Page_Up")
    near(window, 25, "the chapter after")
    window.keys("Page_Down")
    near(window, 10, "the chapter before")


def test_loop(window, bus):
    window.seek(5.0)
    near(window, 5.0, "the start of the loop")
    window.keys("i")
    window.seek(6.0)
    near(window, 6.0, "the end of the loop")
    window.keys("o", "r")
    window.seek(5.5)
    near(window, 5.5, "into the loop")
    window.keys("space")
    seen = []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        seen.append(bus.get("Position") / 1e6)
        time.sleep(0.03)
    assert min(seen) >= 4.9 and max(seen) <= 6.5, f"it left the loop: {min(seen)} … {max(seen)}"
    assert sum(b < a - 0.3 for a, b in zip(seen, seen[1:])) >= 2, f"it did not go round: {seen}"
    window.keys("r")
    driver.wait_for("play beyond the end of the loop", lambda: bus.get("Position") > 6_600_000, 20)
    window.keys("space", "x")
    window.wait("Play", "push button")


def test_bus(window, bus, clip):
    driver.wait_for("the player on the bus", lambda: bus.get("Identity", "org.mpris.MediaPlayer2") == "Saccade", 10)
    about = bus.get("Metadata")
    assert about["xesam:title"] == clip.name and about["xesam:url"] == clip.as_uri(), about
    assert abs(about["mpris:length"] - LENGTH * 1e6) < 2e5, about
    assert bus.get("PlaybackStatus") == "Paused"
    bus.player("SetPosition", bus.glib.Variant("(ox)", (about["mpris:trackid"], 15_000_000)))
    near(window, 15, "the position from the bus")
    bus.player("SetPosition", bus.glib.Variant("(ox)", ("/another/track", 1_000_000)))
    bus.player("Seek", bus.glib.Variant("(x)", (-2_000_000,)))
    near(window, 13, "two seconds back from the bus")
    bus.player("Play")
    driver.wait_for("it to play", lambda: bus.get("PlaybackStatus") == "Playing" and bus.get("Position") > 13_300_000, 20)
    bus.player("PlayPause")
    driver.wait_for("it to pause", lambda: bus.get("PlaybackStatus") == "Paused", 10)
    bus.player("Next")
    near(window, 25, "the next chapter from the bus")
    bus.set("Volume", bus.glib.Variant("d", 0.5))
    assert abs(bus.get("Volume") - 0.5) < 1e-6
    bus.set("Volume", bus.glib.Variant("d", 9.0))
    assert abs(bus.get("Volume") - 1.5) < 1e-6, "louder than it goes"
    bus.set("Volume", bus.glib.Variant("d", 1.0))
    bus.call("org.mpris.MediaPlayer2", "Raise")


def test_full_screen(window, bus):
    """Only where a window manager can make one."""
    manager = next((name for name in ("openbox", "metacity", "xfwm4", "mutter") if shutil.which(name)), None)
    if not manager:
        print("no window manager: the full screen is left out")
        return
    running = subprocess.Popen([manager], stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        window.keys("f")
        driver.wait_for("a full screen", lambda: bus.get("Fullscreen", "org.mpris.MediaPlayer2"), 10)
        subprocess.run(["xdotool", "mousemove", "600", "300"], check=True)
        driver.wait_for("the controls to go", lambda: not window.find("Play", "push button"), 15)
        subprocess.run(["xdotool", "mousemove", "640", "340"], check=True)
        window.wait("Play", "push button", seconds=10)
        driver.wait_for("the controls to go again", lambda: not window.find("Play", "push button"), 15)
        window.keys("Escape")
        window.wait("Play", "push button", seconds=10)
        assert window.find("Timeline", "slider"), "no timeline after the full screen"
    finally:
        running.terminate()
        running.wait()


def test_left_and_found(home, clip):
    other = home / "short.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-t", "2", "-c", "copy", other], check=True)
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    window.seek(17.0)
    near(window, 17, "where it is left")
    window.close()
    window = driver.Window(PROGRAM, other)
    window.wait(other.name, "frame")
    window.close()
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    near(window, 17, "where it was left")
    window.close()


def test_cut_short(home, clip):
    """A file that is cut off while it plays: a message, and the window lives."""
    victim = home / "victim.mkv"
    shutil.copy(clip, victim)
    window = driver.Window(PROGRAM, victim)
    window.wait("Timeline", "slider")
    window.seek(1.0)
    near(window, 1, "near the start")
    os.truncate(victim, victim.stat().st_size // 5)
    window.keys("bracketright", "bracketright", "bracketright", "bracketright", "space")
    window.wait(test=lambda part: "breaks off" in (part.get_name() or ""), seconds=60)
    window.wait("Play", "push button")
    window.close()


def main():
    driver.need("ffmpeg", "xdotool")
    home = driver.inside_session()
    signal.alarm(400)
    clip = make_clip(home / "watched.mkv")
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    test_subtitles(window, home)
    test_tracks(window)
    bus = Bus()
    test_loop(window, bus)
    test_bus(window, bus, clip)
    test_full_screen(window, bus)
    window.close()
    test_left_and_found(home, clip)
    test_cut_short(home, clip)
    print("all of the player's tests passed")


main()
