# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real window: a virtual display and a session bus of its own, and the program through accessibility.

A script that calls inside_session() is run again within that session; Window then starts the program and finds its parts by role and
name, as a screen reader does.
"""
import contextlib
import gettext
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
INSIDE = "SACCADE_TEST_SESSION"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f"no {program}")


def make_locale(language, folder):
    """GTK takes the direction of writing from the locale, not from LANGUAGE: one of that language, which need not be installed."""
    need("localedef")
    sources = sorted(path.name for path in pathlib.Path("/usr/share/i18n/locales").glob(f"{language}_*"))
    if not sources:
        skip(f"no locale of the language {language}")
    source = f"{language}_{language.upper()}"
    source = source if source in sources else sources[0]
    made = pathlib.Path(folder, f"{source}.UTF-8")
    subprocess.run(["localedef", "-c", "-i", source, "-f", "UTF-8", str(made)], check=False, capture_output=True)
    assert made.is_dir(), f"localedef cannot make {made.name}"
    return {"LANGUAGE": language, "LC_ALL": made.name, "LOCPATH": str(folder)}


def inside_session(size="1400x1000", language=None):
    """Runs this script again under Xvfb and a session bus; returns in that one. language: what the window speaks, such as "ar"."""
    if INSIDE in os.environ:
        return pathlib.Path(os.environ[INSIDE])
    need("Xvfb", "dbus-run-session")
    try:
        import gi
        gi.require_version("Atspi", "2.0")
    except (ImportError, ValueError):
        skip("no gi with Atspi")
    home = tempfile.mkdtemp(prefix="saccade-window-")
    read_end, write_end = os.pipe()
    display = subprocess.Popen(["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
                               pass_fds=[write_end], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write_end)
    number = os.read(read_end, 16).decode().strip()
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME", pathlib.Path.home() / ".local/share"))
    models = os.environ.get("SACCADE_MODELS", str(data / "saccade/models"))
    environment = dict(os.environ, DISPLAY=f":{number}", GDK_BACKEND="x11", GSK_RENDERER="cairo", NO_AT_BRIDGE="0",
                       GSETTINGS_BACKEND="keyfile", XDG_CONFIG_HOME=f"{home}/config", XDG_DATA_HOME=f"{home}/data",
                       XDG_CACHE_HOME=f"{home}/cache", XDG_RUNTIME_DIR=f"{home}/run", SACCADE_MODELS=models,
                       LANGUAGE="C", LC_ALL="C.UTF-8", GTK_THEME="", HOME=home, **{INSIDE: home})
    del environment["GTK_THEME"]
    environment.pop("WAYLAND_DISPLAY", None)
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    for folder in ("config", "data", "cache", "run", "locale"):
        os.mkdir(f"{home}/{folder}", 0o700)
    if language:
        environment.update(make_locale(language, f"{home}/locale"))
    try:
        status = subprocess.call(["dbus-run-session", "--", sys.executable, *sys.argv], env=environment)
    finally:
        display.terminate()
        display.wait()
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(status)


def wait_for(what, condition, seconds=30.0):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)


def choose(row):
    """Selects a row of a list, as a click does."""
    parent = row.get_parent()
    selection = parent.get_selection_iface()
    if selection and selection.select_child(row.get_index_in_parent()):
        return
    row.get_action_iface().do_action(0)


class Window:
    """Parts go by their English names, whatever language the session speaks."""

    def __init__(self, program, *arguments, environment=None, stderr=None):
        """stderr: a file that what the program complains of is appended to."""
        self.words = gettext.translation("saccade", pathlib.Path(program).resolve().parent / "po", [os.environ["LANGUAGE"]],
                                         fallback=True)
        import gi
        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi
        self.atspi = Atspi
        with open(stderr, "ab") if stderr else contextlib.nullcontext() as complaints:
            self.process = subprocess.Popen([program, *map(str, arguments)], env=dict(os.environ, **(environment or {})),
                                            stderr=complaints)
        self.application = wait_for("the window", self._find_application, 60)
        # GTK tells of states only when asked: what was once heard must not be believed for ever.
        self.application.set_cache_mask(Atspi.Cache.NONE)

    def _find_application(self):
        assert self.process.poll() is None, f"the program ended with {self.process.returncode}"
        desktop = self.atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child and child.get_process_id() == self.process.pid and child.get_child_count() > 0:
                return child
        return None

    def walk(self, node=None):
        """Every part that is not hidden, depth first."""
        stack = [node or self.application]
        while stack:
            part = stack.pop()
            try:
                if part is None or not self.visible(part):
                    continue
                children = [part.get_child_at_index(i) for i in range(part.get_child_count())]
            except Exception:  # it went while we looked
                continue
            yield part
            stack.extend(reversed(children))

    def visible(self, part):
        return part.get_role_name() == "application" or part.get_state_set().contains(self.atspi.StateType.VISIBLE)

    def showing(self, part):
        """GTK 4.8 does not tell whether a part is on the screen; one that never was has no size."""
        component = part.get_component_iface()
        if not component:
            return True
        extents = component.get_extents(self.atspi.CoordType.WINDOW)
        return extents.width > 0 and extents.height > 0

    def find(self, name=None, role=None, test=None):
        name = self.words.gettext(name) if name else name
        for part in self.walk():
            try:
                # A button made of a text and a label of the same words is named by both.
                if name is not None and part.get_name() not in (name, f"{name} {name}"):
                    continue
                if role is not None and part.get_role_name() != role:
                    continue
                if test and not test(part):
                    continue
                if self.showing(part):
                    return part
            except Exception:
                continue
        return None

    def wait(self, name=None, role=None, test=None, seconds=30.0):
        return wait_for(f"{role or 'a part'} named {name!r}", lambda: self.find(name, role, test), seconds)

    def wait_gone(self, name, role=None, seconds=30.0):
        wait_for(f"{name!r} to go", lambda: not self.find(name, role), seconds)

    def press(self, name, role=None, seconds=30.0):
        part = self.wait(name, role, seconds=seconds)
        assert part.get_action_iface(), f"{name!r} has no action"
        part.get_action_iface().do_action(0)
        return part

    def click(self, part, button=1):
        """With the pointer, for what has no action of its own."""
        left, top, _width, _height = self.geometry()
        extents = part.get_component_iface().get_extents(self.atspi.CoordType.WINDOW)
        subprocess.run(["xdotool", "mousemove", str(left + extents.x + extents.width // 2),
                        str(top + extents.y + extents.height // 2), "sleep", "0.1", "click", str(button)], check=True)

    def type_into(self, name, text):
        field = self.wait(name, test=lambda part: part.get_editable_text_iface() is not None)
        field.get_editable_text_iface().set_text_contents(text)

    def text_of(self, part):
        text = part.get_text_iface()
        return text.get_text(0, text.get_character_count()) if text else part.get_name()

    def slider(self):
        return self.wait("Timeline", "slider")

    def position(self):
        """Seconds, by the timeline's value."""
        return self.slider().get_value_iface().get_current_value()

    def seek(self, seconds):
        self.slider().get_value_iface().set_current_value(seconds)

    def result_rows(self):
        found = self.find("Results", "list")
        if not found:
            return []
        return [found.get_child_at_index(i) for i in range(found.get_child_count())]

    def keys(self, *names):
        """Key presses to the window that has the focus."""
        subprocess.run(["xdotool", "windowfocus", "--sync", self.own_window()], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["xdotool", "key", "--delay", "40", *names], check=True)

    def resize(self, width, height):
        subprocess.run(["xdotool", "windowsize", "--sync", self.own_window(), str(width), str(height)], check=False)

    def own_window(self):
        """The topmost one, or a dialog's; popovers have no names."""
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--all", "--pid", str(self.process.pid), "--name", "."],
                               capture_output=True, text=True, check=False).stdout.split()
        assert found, "the window is not on the display"
        return found[-1]

    def geometry(self):
        """left, top, width, height on the display"""
        answer = subprocess.run(["xdotool", "getwindowgeometry", "--shell", self.own_window()], capture_output=True,
                                text=True, check=True).stdout
        return [int(line.split("=")[1]) for line in answer.splitlines()[1:5]]

    def drop(self, drag_source, *files, onto=None):
        """Drags the files out of another window and lets them go over the middle of this one, or of a part of it."""
        left, top, width, height = self.geometry()
        other = subprocess.Popen([drag_source, *map(str, files)])
        try:
            origin = wait_for("the window to drag from", lambda: subprocess.run(
                ["xdotool", "search", "--onlyvisible", "--name", "Drag from here"], capture_output=True, text=True,
                check=False).stdout.split())[-1]
            corner = 1300, 800  # beside this window, on the display that inside_session() makes
            subprocess.run(["xdotool", "windowmove", "--sync", origin, *map(str, corner)], check=True)
            time.sleep(0.5)
            subprocess.run(["xdotool", "mousemove", str(corner[0] + 50), str(corner[1] + 50), "sleep", "0.3", "mousedown", "1"],
                           check=True)
            target = left + width // 2, top + height // 2
            if onto:
                part = onto.get_component_iface().get_extents(self.atspi.CoordType.WINDOW)
                target = left + part.x + part.width // 2, top + part.y + part.height // 2
            for step in range(1, 21):
                x, y = (round(a + 50 + (b - a - 50) * step / 20) for a, b in zip(corner, target))
                subprocess.run(["xdotool", "mousemove", str(x), str(y), "sleep", "0.03"], check=True)
            subprocess.run(["xdotool", "sleep", "0.5", "mouseup", "1", "sleep", "0.5"], check=True)
        finally:
            other.terminate()
            other.wait()

    def picture(self, path):
        """Of the whole display, the pointer out of the way."""
        self.atspi.generate_mouse_event(0, 0, "abs")
        time.sleep(1)
        subprocess.run(["import", "-window", "root", str(path)], check=True)

    def close(self):
        if self.process.poll() is None:
            self.keys("ctrl+q")
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the program does not end by Ctrl+Q") from None
        assert self.process.returncode == 0, f"the program ended with {self.process.returncode}"

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
