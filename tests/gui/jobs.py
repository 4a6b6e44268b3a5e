#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the real window: one is done after the other, in an order that can be changed, and those that wait are not lost.

usage: jobs.py PROGRAM
"""
import os
import pathlib
import signal
import subprocess
import sys

import driver

PROGRAM = sys.argv[1]


def make_clips(home, n):
    """Different videos, long enough that the first job does not end meanwhile."""
    first = home / "clip-0.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=900", "-c:v", "libx264",
                    "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(first)], check=True)
    clips = [first]
    for i in range(1, n):
        clips.append(home / f"clip-{i}.mkv")
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(first), "-c", "copy", "-metadata", f"comment={i}", str(clips[-1])],
                       check=True)
    return clips


def titles(window):
    """Of the jobs in the list, from its top; and how many of them wait."""
    assert window.process.poll() is None, "the program ended"
    found = window.find("Jobs", "list")
    names = []
    for part in window.walk(found) if found else []:
        try:
            names.append(part.get_name() or "")
        except Exception:  # it went while we looked
            return [], 0
    return [name for name in names if name.startswith("Indexing")], sum(name == "Waits for its turn" for name in names)


def press_nth(window, name, n):
    """The button of that name in the nth row that has one."""
    found = [part for part in window.walk() if part.get_name() == name and part.get_role_name() == "push button"
             and window.showing(part)]
    found[n].get_action_iface().do_action(0)


class Battery:
    """A UPower of our own, on the session's bus, which the program takes for the system's."""

    def __init__(self):
        import threading
        from gi.repository import Gio, GLib
        self.glib = GLib
        self.on_battery = True
        self.loop = GLib.MainLoop()
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        node = Gio.DBusNodeInfo.new_for_xml("<node><interface name='org.freedesktop.UPower'>"
                                            "<property name='OnBattery' type='b' access='read'/></interface></node>")
        self.bus.register_object("/org/freedesktop/UPower", node.interfaces[0], None,
                                 lambda *_args: GLib.Variant("b", self.on_battery), None)
        Gio.bus_own_name_on_connection(self.bus, "org.freedesktop.UPower", 0, None, None)
        threading.Thread(target=self.loop.run, daemon=True).start()

    def plug_in(self):
        self.on_battery = False
        self.bus.emit_signal(None, "/org/freedesktop/UPower", "org.freedesktop.DBus.Properties", "PropertiesChanged",
                             self.glib.Variant("(sa{sv}as)", ("org.freedesktop.UPower", {
                                 "OnBattery": self.glib.Variant("b", False)}, [])))


def test_battery(home, clips):
    """On its battery nothing is indexed if that is preferred; on mains it goes on."""
    data = home / "battery"
    settings = data / "glib-2.0/settings"
    settings.mkdir(parents=True)
    (settings / "keyfile").write_text("[org/saccade/Saccade]\nindex-on-mains-only=true\n")
    battery = Battery()
    window = driver.Window(PROGRAM, *clips[:2], environment={
        "XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data),
        "DBUS_SYSTEM_BUS_ADDRESS": os.environ["DBUS_SESSION_BUS_ADDRESS"]})
    window.click(window.wait("Jobs", test=lambda part: part.get_role_name() != "list"))
    window.wait("0 % · waits for mains power")
    battery.plug_in()
    window.wait_gone("0 % · waits for mains power")
    window.wait(test=lambda part: "left" in (part.get_name() or "") and " % · " in part.get_name(), seconds=90)
    window.kill()


def main():
    driver.need("ffmpeg", "xdotool")
    home = driver.inside_session()
    if not (pathlib.Path(os.environ["SACCADE_MODELS"]) / "starter" / "config.json").exists():
        driver.skip("no starter model: ./run --setup makes it")
    signal.alarm(280)
    clips = make_clips(home, 9)
    test_battery(home, clips)
    window = driver.Window(PROGRAM)
    window.wait("Find the moment")
    for part in (clips[:2], clips[2:5], clips[5:9]):
        subprocess.run([PROGRAM, *map(str, part)], check=True)
    window.click(window.wait("Jobs", test=lambda part: part.get_role_name() != "list"))
    driver.wait_for("three jobs, of which two wait",
                    lambda: titles(window) == (["Indexing 2 items", "Indexing 3 items", "Indexing 4 items"], 2), 60)
    if "SACCADE_TEST_PICTURES" in os.environ:
        window.picture(pathlib.Path(os.environ["SACCADE_TEST_PICTURES"]) / "jobs.png")
    press_nth(window, "Earlier", 1)
    driver.wait_for("the last before the second",
                    lambda: titles(window) == (["Indexing 2 items", "Indexing 4 items", "Indexing 3 items"], 2), 20)
    press_nth(window, "Cancel", 2)
    driver.wait_for("the end of the last", lambda: titles(window)[1] == 1 and
                    window.find("Cancelled; what is done stays searchable"), 30)
    assert titles(window)[0] == ["Indexing 2 items", "Indexing 4 items", "Indexing 3 items"], titles(window)
    press_nth(window, "Cancel", 0)
    driver.wait_for("the second to run", lambda: titles(window) == (
        ["Indexing 4 items", "Indexing 2 items", "Indexing 3 items"], 0), 60)
    subprocess.run([PROGRAM, *map(str, clips[:2])], check=True)
    driver.wait_for("another to wait", lambda: titles(window)[1] == 1, 20)
    window.kill()
    window = driver.Window(PROGRAM)
    window.click(window.wait("Jobs", test=lambda part: part.get_role_name() != "list"))
    driver.wait_for("both after the crash, one of which waits",
                    lambda: titles(window) == (["Indexing, resumed"] * 2, 1), 30)
    window.kill()
    print("all of the jobs' tests passed")


main()
