#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The window shows the same picture whether the GPU or the processor makes it: turned, of high dynamic range, and in another
size. usage: picture.py PROGRAM MAKE_CLIPS
"""
import os
import re
import subprocess
import sys

import driver

PROGRAM, MAKE_CLIPS = sys.argv[1:3]
CLIPS = ("rotated-90.mp4", "hdr.mp4")


def go_to(window, seconds):
    """Again and again: a video that is being opened goes to its own beginning."""
    driver.wait_for("the place", lambda: window.seek(seconds) or abs(window.position() - seconds) < 0.01)


def show(home, clip, way):
    """Two pictures of the display, the window of two sizes. Wider vectors make GTK's own shaders crash Mesa 22's software OpenGL."""
    pictures = [home / f"{clip}-{way}-{size}.png" for size in ("wide", "narrow")]
    window = driver.Window(PROGRAM, home / "clips" / clip, stderr=home / "complaints",
                           environment={"SACCADE_VIDEO": way, "GSK_RENDERER": "gl", "LP_NATIVE_VECTOR_WIDTH": "128"})
    try:
        window.wait("Play", "push button")
        window.resize(1000, 800)
        for picture, size in zip(pictures, ((1000, 800), (800, 700))):
            window.resize(*size)
            go_to(window, 3)
            go_to(window, 2.02)  # the processor makes the picture for the new size
            window.picture(picture)
    finally:
        window.kill()
    return pictures


def difference(a, b):
    """In the mean of all pixels, of 255 levels."""
    answer = subprocess.run(["compare", "-metric", "MAE", str(a), str(b), "null:"], capture_output=True, text=True, check=False)
    return float(re.search(r"\(([\d.e+-]+)\)", answer.stderr).group(1)) * 255


def main():
    driver.need("ffmpeg", "xdotool", "import", "compare")
    home = driver.inside_session()
    subprocess.run([MAKE_CLIPS, str(home / "clips"), *CLIPS], check=True)
    for clip in CLIPS:
        ways = [show(home, clip, way) for way in ("gl", "cpu")]
        for a, b in zip(*ways):
            off = difference(a, b)
            print(f"{a.name}: off by {off:.3f}")
            keep = os.environ.get("SACCADE_KEEP_PICTURES")
            if keep:
                subprocess.run(["cp", str(a), str(b), keep], check=True)
            assert off < 0.5, (a, b, off)
    print("the same")


if __name__ == "__main__":
    main()
