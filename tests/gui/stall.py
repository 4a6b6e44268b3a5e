#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main loop never waits: its longest stall while a video is indexed, played and searched at once stays under 50 ms.

On a machine that is busy with something else the measure says nothing, and the limit is wider. usage: stall.py PROGRAM
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

import driver

PROGRAM = sys.argv[1]
LIMIT_MS = 50.0
BUSY_LIMIT_MS = 400.0


def make_clip(path, length):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={length}", "-f",
                    "lavfi", "-i", f"sine=frequency=440:duration={length}", "-c:v", "libx264", "-preset", "ultrafast", "-g",
                    "25", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)], check=True)
    return path


def measure(window, log):
    """The longest stall since the last measure."""
    before = len(log.read_text().split()) if log.exists() else 0
    window.process.send_signal(signal.SIGUSR1)
    values = driver.wait_for("the log", lambda: log.exists() and log.read_text().split()[before:], 20)
    return float(values[-1])


def main():
    driver.need("ffmpeg", "xdotool")
    busy = os.getloadavg()[0] / os.cpu_count() > 0.6 if "SACCADE_TEST_BUSY" not in os.environ else \
        os.environ["SACCADE_TEST_BUSY"] == "1"
    os.environ["SACCADE_TEST_BUSY"] = "1" if busy else "0"
    home = driver.inside_session()
    if not (pathlib.Path(os.environ["SACCADE_MODELS"]) / "starter" / "config.json").exists():
        driver.skip("no starter model: ./run --setup makes it")
    log = home / "stalls"
    window = driver.Window(PROGRAM, make_clip(home / "clip.mp4", 60), environment={"SACCADE_STALL_LOG": str(log)})
    window.press("Index", "push button")
    window.type_into("Search moments", "w")
    time.sleep(5)
    print(f"start: {measure(window, log):.1f} ms")
    window.keys("space")
    for text in ("a ship", "a ship at sea", "colours", "a clock on a wall"):
        window.type_into("Search moments", text)
        time.sleep(2)
    window.keys("ctrl+g")
    time.sleep(2)
    longest = measure(window, log)
    window.kill()
    limit = BUSY_LIMIT_MS if busy else LIMIT_MS
    print(f"indexing, playing and searching at once: {longest:.1f} ms (limit {limit:.0f}{', busy machine' if busy else ''})")
    assert 0 < longest < limit, longest


main()
