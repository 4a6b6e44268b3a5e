#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a clip into a PulseAudio null sink of its own and holds the pictures to the recorded sound.

    sync.py SYNC-TEST [SECONDS]
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TEST = os.path.abspath(sys.argv[1])
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 12


def main():
    for program in ("ffmpeg", "pulseaudio", "pactl"):
        if not shutil.which(program):
            print(f"{program} is not here: skipped")
            return 77
    with tempfile.TemporaryDirectory(prefix="saccade-sync-") as name:
        folder = pathlib.Path(name)
        clip = folder / "beeps.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={SECONDS}", "-f", "lavfi", "-i",
                        f"aevalsrc='0.8*sin(2*PI*1000*t)*lt(mod(t,1),0.05)':s=48000:d={SECONDS}", "-c:v", "libx264", "-preset", "ultrafast",
                        "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "192k", clip], check=True)
        environment = dict(os.environ, XDG_RUNTIME_DIR=name, XDG_CONFIG_HOME=name, HOME=name, PULSE_RUNTIME_PATH=f"{name}/pulse")
        for variable in ("PULSE_SERVER", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            environment.pop(variable, None)
        server = subprocess.Popen(["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error",
                                   "-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=ear"], env=environment)
        try:
            for _ in range(100):
                if subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            return subprocess.run([TEST, clip, "ear.monitor"], env=environment, check=False, timeout=SECONDS + 60).returncode
        finally:
            server.terminate()
            server.wait()


sys.exit(main())
