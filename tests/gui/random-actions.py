#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does in the real window whatever comes to mind, over real files, and nothing may break: no crash, no warning, no long stall.

usage: random-actions.py PROGRAM [ACTIONS [SEED]]

Each action is printed before it is done, so that the last lines tell what broke it; the same seed does the same again. A program
that was built with sanitizers also says what it leaked. Files are truncated, replaced and deleted while they play.
"""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import driver

PROGRAM = os.path.abspath(sys.argv[1])
ACTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
STALL_MS = 100.0
BUSY_STALL_MS = 1000.0  # on a machine that does something else too, or under sanitizers
LEAK_BYTES = 1 << 20
BAD_WORDS = re.compile(r"WARNING|CRITICAL|ERROR|Sanitizer:|runtime error|assert", re.IGNORECASE)
# What a desktop without its services says; and GTK 4.8 of the page numbers in its own window of shortcuts, and when a dialog or a
# popover goes while the pointer holds it.
FOREIGN_WORDS = re.compile(r"dconf|portal|AT-SPI|dbind|MESA|libEGL|Unable to acquire session bus|GtkLabel.*min width -3|"
                           r"Broken accounting of active state", re.IGNORECASE)
KEYS = ("space k j l comma period Left Right shift+Left shift+Right Home End Up Down i o x t Delete e slash plus minus 0 f f m ctrl+z "
        "ctrl+shift+z bracketleft bracketright g Escape Escape Tab shift+Tab Return ctrl+g ctrl+shift+g ctrl+f ctrl+comma Escape "
        "F10 Escape ctrl+question Escape v Page_Down Page_Up").split()
WORDS = ("a dog", "colours", "a clock on a wall", "the sea", "", "x" * 400, "“quotes” and % signs", "ein Haus", "狗", "kind:tag", "-not")


def make_videos(folder):
    def ffmpeg(name, *options, source="testsrc2=size=640x360:rate=25", seconds=30):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{source}:duration={seconds}", "-f", "lavfi", "-i",
                        f"sine=frequency=330:duration={seconds}", *options, "-shortest", str(folder / name)], check=True)
    h264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac")
    ffmpeg("long.mp4", *h264, seconds=60)
    ffmpeg("other.mkv", *h264, source="smptebars=size=320x240:rate=30")
    ffmpeg("tall.webm", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus",
           source="testsrc=size=180x320:rate=12", seconds=10)
    ffmpeg("broadcast.ts", "-c:v", "mpeg2video", "-c:a", "mp2", source="rgbtestsrc=size=352x288:rate=25", seconds=8)
    ffmpeg("short.mp4", *h264, source="yuvtestsrc=size=320x240:rate=25", seconds=1)
    (folder / "words.mp4").write_text("no video at all\n" * 200)
    return sorted(folder.iterdir())


class Wanderer:
    def __init__(self, home):
        self.home = home
        self.random = random.Random(SEED)
        self.kept = home / "kept"
        self.kept.mkdir()
        self.videos = home / "videos"
        self.videos.mkdir()
        for video in make_videos(self.kept):
            shutil.copy(video, self.videos)
        self.log, self.stalls = home / "stderr", home / "stalls"
        self.window = None
        self.starts = 0
        self.last_spoiled = None

    def start(self):
        environment = {"SACCADE_STALL_LOG": str(self.stalls), "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
                       "LSAN_OPTIONS": "exitcode=0:print_suppressions=0", "G_DEBUG": "", "G_SLICE": "always-malloc"}
        arguments = [self.any_video()] if self.starts == 0 else []
        self.window = driver.Window(PROGRAM, *arguments, environment=environment,
                                    stderr=self.log)
        self.starts += 1
        self.window.wait("Search moments")
        self.longest_stall()  # how long a window takes to appear is another matter

    def quit(self):
        """Whatever dialogs are open: without a window manager nobody knows which of them has the keys."""
        subprocess.run(["gdbus", "call", "--session", "--dest", "org.saccade.Saccade", "--object-path", "/org/saccade/Saccade",
                        "--method", "org.gtk.Actions.Activate", "quit", "[]", "{}"], check=True, stdout=subprocess.DEVNULL)
        try:
            status = self.window.process.wait(30)
        except subprocess.TimeoutExpired:
            self.window.kill()
            raise
        assert status == 0, f"the program ended with {status}"

    def any_video(self):
        return self.random.choice(sorted(self.videos.iterdir()))

    # ---- what may be done ----

    def key(self):
        names = [self.random.choice(KEYS) for _ in range(self.random.randint(1, 3))]
        return " ".join(names), lambda: self.window.keys(*names)

    def seek(self):
        part = self.random.random()

        def do():
            slider = self.window.find("Timeline", "slider")
            if slider:
                value = slider.get_value_iface()
                value.set_current_value(part * value.get_maximum_value())
        return f"{part:.2f}", do

    def search(self):
        words = self.random.choice(WORDS)

        def do():
            if self.window.find("Search moments"):
                self.window.type_into("Search moments", words)
        return repr(words[:20]), do

    def result(self):
        number = self.random.randrange(8)

        def do():
            rows = self.window.result_rows()
            if rows:
                driver.choose(rows[number % len(rows)])
        return str(number), do

    def point(self, x, y):
        """Anywhere but at the window's own buttons."""
        geometry = self.window.geometry()
        left, top, width, height = geometry
        x, y = left + int(x * width), top + int(y * height)
        if y - top < 50 and x - left > width - 60:
            x -= 80
        return str(x), str(y)

    def click(self):
        x, y, button = self.random.random(), self.random.random(), self.random.choice("11113")
        return f"{button} at {x:.2f} {y:.2f}", lambda: subprocess.run(
            ["xdotool", "mousemove", *self.point(x, y), "click", button], check=True)

    def drag(self):
        x, y, to_x, to_y = (self.random.random() for _ in range(4))
        y = 0.7 + 0.3 * y  # over the timeline

        def do():
            middle = self.point((x + to_x) / 2, (y + to_y) / 2)
            subprocess.run(["xdotool", "mousemove", *self.point(x, y), "mousedown", "1", "mousemove", *middle, "sleep", "0.05",
                            "mousemove", *self.point(to_x, to_y), "sleep", "0.05", "mouseup", "1"], check=True)
        return f"{x:.2f} {y:.2f} to {to_x:.2f} {to_y:.2f}", do

    def wheel(self):
        x, button, control = self.random.random(), self.random.choice("4567"), self.random.random() < 0.5

        def do():
            subprocess.run(["xdotool", "mousemove", *self.point(x, 0.85), *(["keydown", "ctrl"] if control else []), "click",
                            "--repeat", "3", button, *(["keyup", "ctrl"] if control else [])], check=True)
        return f"{button}{' with Ctrl' if control else ''}", do

    def tag(self):
        label = self.random.choice(("goal", "a very long label " * 8, "Ü", "one"))

        def do():
            self.window.keys("i", "Right", "o", "t")
            if self.window.find("Tag label"):
                self.window.type_into("Tag label", label)
                if self.window.find("Save Tag", "push button"):
                    self.window.press("Save Tag", "push button")
        return repr(label[:10]), do

    def button(self):
        name = self.random.choice(("Index", "Library", "Cancel", "Pause", "Play", "Resume", "Export", "Save Clip", "Jobs", "Tag",
                                   "Clear the marks", "Replace", "Close"))

        def do():
            part = self.window.find(name, test=lambda part: part.get_action_iface() is not None)
            if part and name != "Close":
                part.get_action_iface().do_action(0)
        return name, do

    def open(self):
        video = self.any_video()
        return video.name, lambda: subprocess.run([PROGRAM, str(video)], check=False, timeout=120, stderr=subprocess.DEVNULL)

    def resize(self):
        size = self.random.choice(((360, 640), (500, 400), (1240, 800), (1400, 1000), (900, 500)))
        return "x".join(map(str, size)), lambda: self.window.resize(*size)

    def spoil(self):
        """A file goes, shrinks or becomes another while it may be playing; what was spoiled before is as it was again."""
        video, how = self.any_video(), self.random.choice(("delete", "truncate", "replace", "restore"))

        def do():
            for kept in self.kept.iterdir():
                if not (self.videos / kept.name).exists():
                    shutil.copy(kept, self.videos)
            if how == "delete":
                video.unlink(missing_ok=True)
            elif how == "truncate":
                os.truncate(video, video.stat().st_size // 3)
            elif how == "replace":
                shutil.copy(self.random.choice(sorted(self.kept.iterdir())), f"{video}.new")
                os.replace(f"{video}.new", video)
            else:
                shutil.copy(self.kept / video.name, video)
        return f"{how} {video.name}", do

    def wait(self):
        seconds = self.random.random()
        return f"{seconds:.1f} s", lambda: time.sleep(seconds)

    def restart(self):
        def do():
            self.quit()
            self.start()
        return "", do

    # ---- and whether all is well ----

    def check(self):
        status = self.window.process.poll()
        assert status in (None, 0), f"the program ended with {status}\n{self.complaints()}"
        assert not self.complaints(), self.complaints()
        if status == 0:
            print("  (it was closed)")
            self.start()

    def complaints(self):
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if BAD_WORDS.search(line) and not FOREIGN_WORDS.search(line)
                         and "LeakSanitizer" not in line and not line.startswith("SUMMARY"))

    def longest_stall(self):
        before = len(self.stalls.read_text().split()) if self.stalls.exists() else 0
        self.window.process.send_signal(signal.SIGUSR1)
        values = driver.wait_for("the stall log", lambda: self.stalls.exists() and self.stalls.read_text().split()[before:], 60)
        return float(values[-1])

    def leaked(self):
        found = re.findall(r"SUMMARY: AddressSanitizer: (\d+) byte", self.log.read_text(encoding="utf-8", errors="replace"))
        return max(map(int, found), default=0)


CHOICES = [("key", 30), ("seek", 10), ("search", 10), ("result", 8), ("click", 10), ("drag", 10), ("wheel", 6), ("tag", 5), ("button", 8),
           ("open", 4), ("resize", 2), ("spoil", 3), ("wait", 6), ("restart", 0.5)]


def main():
    driver.need("ffmpeg", "xdotool")
    busy = os.environ.setdefault("SACCADE_TEST_BUSY", str(int(os.getloadavg()[0] / os.cpu_count() > 0.6))) == "1"
    home = driver.inside_session()
    if not (pathlib.Path(os.environ["SACCADE_MODELS"]) / "starter" / "config.json").exists():
        driver.skip("no starter model: ./run --setup makes it")
    sanitized = b"__asan_init" in pathlib.Path(PROGRAM).read_bytes()
    wanderer = Wanderer(home)
    try:
        wanderer.start()
    except AssertionError:
        print(wanderer.log.read_text())
        raise
    longest = 0
    for number in range(ACTIONS):
        name = wanderer.random.choices([name for name, _ in CHOICES], [weight for _, weight in CHOICES])[0]
        words, do = getattr(wanderer, name)()
        print(f"{number}: {name} {words}", flush=True)
        try:
            do()
        except (AssertionError, subprocess.CalledProcessError) as error:
            # The program's end is found out below; a part that went away while it was looked at is no fault.
            print(f"  ({error})")
        except Exception as error:  # what AT-SPI raises when the asked one is gone
            print(f"  ({type(error).__name__}: {error})")
        wanderer.check()
        if number % 25 == 24:
            stall = wanderer.longest_stall()
            print(f"  longest stall {stall:.1f} ms", flush=True)
            longest = max(longest, stall)
            limit = BUSY_STALL_MS if busy or sanitized else STALL_MS
            assert stall < limit, f"the window did not answer for {stall:.0f} ms"
    wanderer.quit()
    assert not wanderer.complaints(), wanderer.complaints()
    leaked = wanderer.leaked()
    assert leaked < LEAK_BYTES, f"{leaked} bytes leaked:\n" + "\n".join(wanderer.log.read_text().splitlines()[-60:])
    print(f"{ACTIONS} actions, seed {SEED}, {wanderer.starts} starts: longest stall {longest:.0f} ms, leaked {leaked} bytes"
          f"{'' if sanitized else ' (not measured: built without sanitizers)'}")


main()
