#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline in the real window, by keyboard, by pointer and as a screen reader finds it.

usage: timeline.py PROGRAM
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

import driver

PROGRAM = sys.argv[1]
LENGTH = 20
GUTTER = 64
# Overlapping ones, more than there are rows for, and one far from the others.
TAGS = [(1, 4, "the dog"), (3, 7, "a ball"), (3.5, 5, "running"), (4.2, 4.8, "grass"), (12, 14, "the sky")]


def make_clip(path):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={LENGTH}", "-f",
                    "lavfi", "-i", f"sine=frequency=440:beep_factor=4:duration={LENGTH}", "-c:v", "libx264", "-preset",
                    "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)], check=True)
    return path


def saccade(*arguments):
    answer = subprocess.run([PROGRAM, *map(str, arguments), "--json"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def tags(clip):
    answer = saccade("moments", clip)
    moments = answer["moments"] if isinstance(answer, dict) else answer
    return sorted((m["label"], m["start"], m["end"]) for m in moments if m["kind"] == "tag")


def labels(clip):
    return [label for label, _, _ in tags(clip)]


class Timeline:
    """The widget's parts and where they lie on the screen."""

    def __init__(self, window):
        self.window = window
        slider = window.slider()
        self.extents = slider.get_component_iface().get_extents(window.atspi.CoordType.WINDOW)
        geometry = subprocess.run(["xdotool", "getwindowgeometry", "--shell", window.own_window()], capture_output=True,
                                  text=True, check=True).stdout
        left, top, width = (int(line.split("=")[1]) for line in geometry.splitlines()[1:4])
        # The frame that GTK draws around a window is part of it, but not of where its parts say that they are.
        frame = (width - self.extents.width) // 2
        self.origin = left + frame, top + frame

    def moments(self, lane="Tags"):
        found = self.window.find(lane, "list")
        return [found.get_child_at_index(i) for i in range(found.get_child_count())] if found else []

    def names(self, lane="Tags"):
        return [moment.get_name() for moment in self.moments(lane)]

    def focused(self):
        return next((m.get_name() for m in self.moments()
                     if m.get_state_set().contains(self.window.atspi.StateType.FOCUSED)), None)

    def selected(self):
        return [m.get_name() for m in self.moments()
                if m.get_state_set().contains(self.window.atspi.StateType.SELECTED)]

    def point(self, seconds, lane=None, row=0):
        """On the display: a time on the ruler, or in a row of a lane."""
        x = self.origin[0] + self.extents.x + GUTTER + (self.extents.width - GUTTER) * seconds / LENGTH
        y = self.origin[1] + self.extents.y + 8
        if lane:
            extents = self.window.wait(lane, "list").get_component_iface().get_extents(self.window.atspi.CoordType.WINDOW)
            y = self.origin[1] + extents.y + 10 + row * 19
        return round(x), round(y)

    def click(self, where, button=1, key=None):
        command = ["xdotool", "mousemove", *map(str, where), "sleep", "0.2"]
        command += ["keydown", key] if key else []
        command += ["click", str(button), "sleep", "0.1"]
        command += ["keyup", key] if key else []
        # Out of the way: what hovering shows is a window of its own, which keys must not go to.
        subprocess.run([*command, "sleep", "0.1", "mousemove", "20", "300", "sleep", "0.2"], check=True)

    def drag(self, start, end, key=None):
        command = ["xdotool", "mousemove", *map(str, start), "sleep", "0.2"]
        command += ["keydown", key] if key else []
        command += ["mousedown", "1"]
        for step in range(1, 11):
            command += ["mousemove", *(str(round(a + (b - a) * step / 10)) for a, b in zip(start, end)), "sleep", "0.03"]
        command += ["sleep", "0.1", "mouseup", "1"]
        command += ["keyup", key] if key else []
        # Out of the way: what hovering shows is a window of its own, which keys must not go to.
        subprocess.run([*command, "sleep", "0.1", "mousemove", "20", "300", "sleep", "0.2"], check=True)


def near(window, expected, tolerance=0.05):
    driver.wait_for(f"position {expected}", lambda: abs(window.position() - expected) <= tolerance, 10)


def test_read_out(window, timeline):
    slider = window.slider()
    window.seek(2.5)
    near(window, 2.5)
    assert slider.get_description() == "0:02.500", slider.get_description()
    value = slider.get_value_iface()
    assert value.get_minimum_value() == 0 and abs(value.get_maximum_value() - LENGTH) < 0.1
    names = driver.wait_for("the tags", lambda: len(timeline.names()) == len(TAGS) and timeline.names(), 20)
    assert names[0] == "Tag: the dog, 0:01.000 to 0:04.000", names[0]
    assert names[-1] == "Tag: the sky, 0:12.000 to 0:14.000", names[-1]
    assert all(moment.get_role_name() == "list item" for moment in timeline.moments())
    assert window.find("Tags", "list").get_description() == "5 moments"


def test_keyboard(window, timeline, clip):
    window.keys("Tab")
    driver.wait_for("the first moment in focus", lambda: (timeline.focused() or "").startswith("Tag: the dog"), 5)
    window.keys("Right")
    driver.wait_for("the next", lambda: (timeline.focused() or "").startswith("Tag: a ball"), 5)
    assert timeline.selected() == [timeline.focused()], timeline.selected()
    window.keys("shift+Right", "shift+Right")
    assert len(timeline.selected()) == 3, timeline.selected()
    window.keys("Home")
    window.keys("End")
    driver.wait_for("the last", lambda: (timeline.focused() or "").startswith("Tag: the sky"), 5)
    window.keys("Return")
    near(window, 12)
    window.wait(test=lambda part: "0:12.000 – 0:14.000" in (part.get_name() or ""))
    # Delete, and undo brings it back with its focus.
    window.keys("Delete")
    driver.wait_for("the tag to go", lambda: "the sky" not in labels(clip), 10)
    window.keys("ctrl+z")
    driver.wait_for("the tag to come back", lambda: "the sky" in labels(clip), 10)
    window.keys("ctrl+shift+z")
    driver.wait_for("the tag to go again", lambda: "the sky" not in labels(clip), 10)
    window.keys("ctrl+z")
    driver.wait_for("the tag to come back", lambda: "the sky" in labels(clip), 10)
    # Several at once are one step.
    window.keys("Escape", "Tab", "Home", "ctrl+a")
    driver.wait_for("all to be selected", lambda: len(timeline.selected()) == len(TAGS), 5)
    window.keys("Delete")
    driver.wait_for("all to go", lambda: labels(clip) == [], 10)
    window.keys("ctrl+z")
    driver.wait_for("all to come back", lambda: len(labels(clip)) == len(TAGS), 10)
    # Menu key: what can be done, and Escape back to the moment.
    driver.wait_for("their items", lambda: len(timeline.names()) == len(TAGS), 10)
    window.keys("Escape", "Tab", "Home", "Menu")
    for item in ("Play", "Mark", "Keep as Tag", "Export…", "Copy Times", "Delete"):
        window.wait(item, "menu item", seconds=5)
    window.keys("Escape")
    window.keys("Escape")


def span(window):
    part = window.find(test=lambda part: re.fullmatch(r"\d+:\d\d\.\d{3} – \d+:\d\d\.\d{3}", part.get_name() or ""))
    return part.get_name() if part else None


def test_span(window, timeline, clip):
    window.keys("x")
    # Drawn with the pointer beyond all tags, where nothing catches it.
    timeline.drag(timeline.point(16, "Tags"), timeline.point(18, "Tags"), "alt")
    shown = driver.wait_for("a span", lambda: span(window), 5)
    begin, end = (float(part.split(":")[1]) for part in shown.split(" – "))
    assert abs(begin - 16) < 0.1 and abs(end - 18) < 0.1, shown
    # Moved by a frame, trimmed by one, and all of it undone in one step each.
    window.keys("ctrl+Right")
    window.wait(test=lambda part: f"0:{begin + 0.04:06.3f} – 0:{end + 0.04:06.3f}" in (part.get_name() or ""), seconds=5)
    time.sleep(1.8)
    window.keys("alt+shift+Right")
    window.wait(test=lambda part: f"0:{begin + 0.04:06.3f} – 0:{end + 0.08:06.3f}" in (part.get_name() or ""), seconds=5)
    window.keys("ctrl+z")
    window.wait(test=lambda part: f"0:{begin + 0.04:06.3f} – 0:{end + 0.04:06.3f}" in (part.get_name() or ""), seconds=5)
    # Moved with the pointer: its end catches at the playhead.
    window.seek(19.0)
    near(window, 19.0)
    timeline.drag(timeline.point(17, "Tags"), timeline.point(18.02, "Tags"))
    window.wait(test=lambda part: " – 0:19.000" in (part.get_name() or ""), seconds=5)
    window.keys("x")
    # A tag's edge is dragged: the tag is another, and undo makes it what it was.
    timeline.click(timeline.point(13, "Tags"))
    window.wait(test=lambda part: "0:12.000 – 0:14.000" in (part.get_name() or ""), seconds=5)
    timeline.drag(timeline.point(14, "Tags"), timeline.point(15, "Tags"), "alt")
    driver.wait_for("the longer tag", lambda: any(label == "the sky" and abs(b - 15) < 0.1 for label, _, b in tags(clip)), 10)
    window.keys("ctrl+z")
    driver.wait_for("the tag as it was", lambda: ("the sky", 12.0, 14.0) in tags(clip), 10)
    window.wait(test=lambda part: "0:12.000 – 0:14.000" in (part.get_name() or ""), seconds=5)
    window.keys("x")


def test_pointer(window, timeline):
    timeline.click(timeline.point(1.5, "Tags"))
    driver.wait_for("one selected", lambda: [name.split(",")[0] for name in timeline.selected()] == ["Tag: the dog"], 5)
    near(window, 1.0)
    timeline.click(timeline.point(13, "Tags"), key="ctrl")
    driver.wait_for("two selected", lambda: len(timeline.selected()) == 2, 5)
    timeline.click(timeline.point(13, "Tags"), key="ctrl")
    driver.wait_for("one again", lambda: len(timeline.selected()) == 1, 5)
    timeline.click(timeline.point(13, "Tags"), key="shift")
    window.keys("x")
    timeline.click(timeline.point(10, "Tags"))
    driver.wait_for("none", lambda: not timeline.selected(), 5)
    near(window, 10, 0.1)
    timeline.drag(timeline.point(10.5, "Tags"), timeline.point(12.5, "Tags", 1), "ctrl")
    driver.wait_for("what is under the band", lambda: [n.split(",")[0] for n in timeline.selected()] == ["Tag: the sky"], 5)
    timeline.click(timeline.point(13, "Tags"), button=3)
    window.press("Mark", "menu item")
    window.wait(test=lambda part: "0:12.000 – 0:14.000" in (part.get_name() or ""), seconds=5)
    window.keys("x")
    # Hovering shows the time and the words of what is there.
    subprocess.run(["xdotool", "mousemove", *map(str, timeline.point(13.1, "Tags"))], check=True)
    window.wait(test=lambda part: part.get_role_name() == "label" and part.get_name() == "the sky", seconds=5)


def test_zoom(window, timeline):
    """About the pointer, to single frames: the time under it stays there."""
    window.keys("0")
    where = timeline.point(8)
    subprocess.run(["xdotool", "mousemove", *map(str, where), "sleep", "0.2", "keydown", "ctrl", "click", "--repeat", "12",
                    "--delay", "40", "4", "keyup", "ctrl"], check=True)
    timeline.click(where)
    near(window, 8, 0.1)
    subprocess.run(["xdotool", "mousemove", *map(str, where), "sleep", "0.2", "keydown", "ctrl", "click", "--repeat", "30",
                    "--delay", "40", "4", "keyup", "ctrl", "sleep", "0.5"], check=True)
    timeline.click(where)
    near(window, 8, 0.1)
    at = window.position()
    # Three frames at most are in sight: a click at the right edge is less than four frames on.
    timeline.click((where[0] + 300, where[1]))
    time.sleep(0.5)
    assert -0.001 <= window.position() - at < 4 * 0.04, (at, window.position())
    window.keys("0")


def test_kept(home, clip):
    """The second time film and sound are there at once, from files; damaged ones are made again."""
    previews = home / "data/saccade/previews"
    sheets = driver.wait_for("sheets and sound", lambda: list(previews.rglob("*.sheet")) and
                             list(previews.rglob("sound")) and list(previews.rglob("*.sheet")), 20)
    fingerprint = sheets[0].parent.name
    assert len(fingerprint) == 64 and sheets[0].parent.parent.name == fingerprint[:2]
    sound = next(previews.rglob("sound"))
    good = sound.read_bytes()
    sound.write_bytes(good[:100] + b"damage" + good[106:])
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    driver.wait_for("the sound to be made again", lambda: sound.read_bytes() == good, 30)
    window.close()


def test_stack(home, clip):
    """All of it at 360 pixels."""
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")

    def narrow():
        window.resize(360, 700)  # what a wide layout does not allow, the narrow one that follows does
        return Timeline(window).extents.width <= 362

    driver.wait_for("the narrow window", narrow, 20)
    timeline = Timeline(window)
    assert len(driver.wait_for("the tags", timeline.names, 10)) == len(TAGS)
    # What a screen reader can do with a moment.
    action = timeline.moments()[-1].get_action_iface()
    assert action and action.get_n_actions() > 0, "a moment has no action"
    action.do_action(0)
    near(window, 12)
    window.close()


def main():
    driver.need("ffmpeg", "xdotool")
    home = driver.inside_session()
    if not (driver.pathlib.Path(os.environ["SACCADE_MODELS"]) / "starter" / "config.json").exists():
        driver.skip("no starter model: ./run --setup makes it")
    signal.alarm(540)
    clip = make_clip(home / "clip.mp4")
    saccade("index", clip, "--every", "10")
    for start, end, label in TAGS:
        saccade("tag", clip, "--from", start, "--to", end, label)
    window = driver.Window(PROGRAM, clip)
    window.wait("Timeline", "slider")
    time.sleep(1)
    timeline = Timeline(window)
    for name, test in (("read out", lambda: test_read_out(window, timeline)),
                       ("by keyboard", lambda: test_keyboard(window, timeline, clip)),
                       ("by pointer", lambda: test_pointer(window, timeline)),
                       ("spans", lambda: test_span(window, timeline, clip)), ("zoom", lambda: test_zoom(window, timeline))):
        test()
        print(f"ok {name}", flush=True)
    window.close()
    test_kept(home, clip)
    test_stack(home, clip)
    print("all of the timeline's tests passed")


main()
