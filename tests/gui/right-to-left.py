#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""In Arabic the window is written from right to left and its parts change sides; time alone runs from left to right.

usage: right-to-left.py PROGRAM
"""
import os
import re
import signal
import subprocess
import sys
import time

import driver

PROGRAM = sys.argv[1]
LENGTH = 8


def box(window, part):
    """x from and to, in the window"""
    extents = part.get_component_iface().get_extents(window.atspi.CoordType.WINDOW)
    return extents.x, extents.x + extents.width


def check_sides(window):
    """The parts in the order in which they are from left to right."""
    def x(name, role):
        return box(window, window.wait(name, role))[0]
    header = [x("Menu", None), x("Search moments", None), x("Library", "push button"), x("Open", "push button")]
    assert header == sorted(header), f"the header bar is not mirrored: {header}"
    side = [x("Index", "push button"), x("Video", None)]
    assert side == sorted(side), f"the panel is not on the left of the video: {side}"
    bar = [x("Play", "push button"), x("One frame back", "push button"), x("One frame on", "push button"),
           x("Tag", "push button"), x("Export", "push button")]
    assert bar == sorted(bar), f"the controls do not run from left to right: {bar}"


def check_time(window):
    """A press near the left end of the ruler goes to the beginning."""
    left, _, width, height = window.geometry()
    ruler = window.slider().get_component_iface().get_extents(window.atspi.CoordType.WINDOW)
    y = window.geometry()[1] + ruler.y + ruler.height // 2
    positions = []
    for share in (0.3, 0.5, 0.8):
        subprocess.run(["xdotool", "mousemove", str(left + int(share * width)), str(y), "sleep", "0.3", "click", "1"], check=True)
        time.sleep(1)
        positions.append(window.position())
    subprocess.run(["xdotool", "mousemove", "1390", "990", "sleep", "1"], check=True)  # the picture under the pointer goes
    assert 0.5 < positions[0] < positions[1] < positions[2] < LENGTH, f"time does not run from left to right: {positions}"


def check_span(window):
    """Isolated, so that its end is to the right of its beginning within a line from right to left."""
    for seconds, key in ((2, "i"), (5, "o")):
        window.seek(seconds)
        driver.wait_for("the time", lambda: abs(window.position() - seconds) < 0.1)
        window.keys(key)
    window.wait(test=lambda part: re.fullmatch("\u20660:02.* – 0:05.*\u2069", part.get_name() or ""))


def check_narrow(window):
    window.resize(360, 700)
    window.wait_gone("One frame back")
    window.resize(360, 700)  # the wide window was not to be made so narrow at once
    time.sleep(2)
    width = window.geometry()[2]
    assert width == 360, f"the window is {width} wide"
    buttons = [part for part in window.walk() if part.get_role_name() == "push button" and window.showing(part)]
    assert len(buttons) > 5, "there are no buttons"
    for part in buttons:
        start, end = box(window, part)
        assert 0 <= start < end <= width, f"{part.get_name()} is cut: from {start} to {end} of {width}"


def main():
    driver.need("ffmpeg", "xdotool")
    home = driver.inside_session(language="ar")
    signal.alarm(200)
    clip = home / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={LENGTH}", "-c:v",
                    "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(clip)], check=True)
    window = driver.Window(PROGRAM, clip)
    assert window.words.gettext("Timeline") != "Timeline", f"{os.environ['LANGUAGE']} is no language of the program"
    window.wait("Timeline", "slider")
    window.wait("Not indexed yet")
    check_sides(window)
    check_time(window)
    check_span(window)
    check_narrow(window)
    window.close()
    print("written from right to left, played from left to right")


main()
