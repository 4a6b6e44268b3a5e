#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound server that is killed while a clip plays, and one that comes back: the clip plays on, and is heard again.

    silence.py SILENCE-TEST
"""
import array
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TEST = os.path.abspath(sys.argv[1])


class Server:
    def __init__(self, environment):
        self.environment = environment
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error", "-L",
             f"module-native-protocol-unix socket={environment['SOCKET']}", "-L", "module-null-sink sink_name=ear"], env=environment)
        for _ in range(200):
            if subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("no sound server")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def is_heard(self, seconds):
        """The loudest sample of so long is loud."""
        recorder = subprocess.Popen(["parec", "-d", "ear.monitor", "--format=s16le", "--channels=1", "--latency-msec=50"],
                                    env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        timer = threading.Timer(seconds, recorder.terminate)
        timer.start()
        samples = array.array("h")
        sound = recorder.stdout.read()
        samples.frombytes(sound[:len(sound) // 2 * 2])
        recorder.wait()
        return max(map(abs, samples), default=0) > 1000


def main():
    for program in ("ffmpeg", "pulseaudio", "pactl", "parec"):
        if not shutil.which(program):
            print(f"{program} is not here: skipped")
            return 77
    with tempfile.TemporaryDirectory(prefix="saccade-silence-") as name:
        clip = pathlib.Path(name) / "tone.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=120", "-f", "lavfi", "-i",
                        "sine=frequency=440:duration=120", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
                        clip], check=True)
        environment = dict(os.environ, XDG_RUNTIME_DIR=name, XDG_CONFIG_HOME=name, HOME=name, PULSE_RUNTIME_PATH=f"{name}/pulse",
                           SOCKET=f"{name}/socket", PULSE_SERVER=f"unix:{name}/socket")
        for variable in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            environment.pop(variable, None)
        player = server = None
        told = []
        try:
            # None at all: it plays in silence.
            player = subprocess.Popen([TEST, clip], env=environment, stdout=subprocess.PIPE, text=True)
            reader = threading.Thread(target=lambda: told.extend(tuple(map(int, line.split())) for line in player.stdout))
            reader.start()
            time.sleep(3)
            server = Server(environment)
            time.sleep(2)
            assert server.is_heard(2), "nothing is heard after the server came"
            server.kill()
            time.sleep(3)
            server = Server(environment)
            time.sleep(2)
            assert server.is_heard(2), "nothing is heard after the server came back"
            time.sleep(1)
            assert player.poll() is None, "the player ended"
        finally:
            if player:
                player.terminate()
                player.wait()
            if server:
                server.kill()
        reader.join()
        # In any second and a half it goes on by half a second or more, and never back.
        for at, (when, where) in enumerate(told):
            later = next(((t, p) for t, p in told[at:] if t - when >= 1_500_000), None)
            assert at == 0 or where >= told[at - 1][1], f"back from {told[at - 1][1]} to {where} µs"
            if where > 0 and later:
                assert later[1] - where > 500_000, f"it stood at {where} µs for 1.5 s"
        assert told[-1][1] > 8_000_000, f"only at {told[-1][1]} µs"
        print(f"{len(told)} positions, the last {told[-1][1] / 1e6:.1f} s")
        return 0


sys.exit(main())
