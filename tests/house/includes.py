#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads every #include of the program and fails on an arrow between rooms that the architecture forbids.

The rules are the table below; `--self-test` proves that each of them can fail.
"""
import pathlib
import re
import sys

# An include matches a rule's pattern; it is allowed only in files whose path starts with one of its rooms.
RULES = [
    ("GTK", re.compile(r"^(gtk|gdk|gsk|graphene|adwaita|libadwaita|pango|cairo|epoxy)\b"), ("gui/",)),
    ("the window", re.compile(r"^gui/"), ("gui/",)),
    ("GLib", re.compile(r"^(glib|gio|gobject|gmodule|json-glib)\b"), ("core/", "gui/")),
    ("core", re.compile(r"^core/"), ("core/", "gui/")),
    ("Vulkan", re.compile(r"^(vulkan/|volk|vk_)"), ("compute/gpu/",)),
    ("FFmpeg", re.compile(r"^lib(avcodec|avformat|avutil|avfilter|avdevice|swscale|swresample|postproc)/"),
     ("core/media/", "core/export/")),
    ("SQLite", re.compile(r"^sqlite3"), ("core/library/",)),
    ("libsoup", re.compile(r"^libsoup/"), ("core/sync/", "core/models/")),
    ("libpulse", re.compile(r"^pulse/"), ("core/media/",)),
    ("the shaders", re.compile(r"^shaders/"), ("shaders/", "compute/")),
    ("the library's private parts", re.compile(r"^core/library/.*-private\.h"), ("core/library/",)),
    ("compute's rooms", re.compile(r"^compute/"), ("compute/", "core/")),
]
# Within compute the arrows go one way too: gpu knows nobody, nn knows gpu and weights, networks know all.
COMPUTE = {
    "gpu": {"gpu"},
    "weights": {"weights"},
    "text": {"text", "weights"},
    "nn": {"nn", "gpu", "weights"},
    "networks": {"networks", "nn", "gpu", "weights", "text"},
}
ROOMS = ("gui", "core", "compute", "shaders")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def complaints(path, header):
    """Every rule that including `header` in `path` breaks; a quoted sibling is resolved to its own room first."""
    for what, pattern, rooms in RULES:
        if pattern.match(header) and not path.startswith(rooms):
            yield f"{path}: includes {header}: {what} may be seen only in {', '.join(rooms)}"
    ours, theirs = path.split("/"), header.split("/")
    if ours[0] == "compute" and theirs[0] == "compute" and len(ours) > 2 and len(theirs) > 2:
        if theirs[1] not in COMPUTE.get(ours[1], set()):
            yield f"{path}: includes {header}: compute/{ours[1]} must not know compute/{theirs[1]}"


def includes(root):
    for room in ROOMS:
        for file in sorted((root / room).rglob("*")):
            if file.suffix not in (".c", ".h", ".comp", ".glsl"):
                continue
            for line in file.read_text(encoding="utf-8").splitlines():
                found = INCLUDE.match(line)
                if not found:
                    continue
                header = found.group(1)
                sibling = file.parent / header
                if sibling.exists():
                    header = sibling.resolve().relative_to(root).as_posix()
                yield file.relative_to(root).as_posix(), header


def self_test():
    forbidden = [
        ("core/media/sac-probe.c", "gtk/gtk.h"), ("compute/nn/graph.c", "glib.h"), ("compute/nn/graph.c", "core/sac-time.h"),
        ("core/search/a.c", "gui/sac-window.h"), ("compute/nn/graph.c", "vulkan/vulkan.h"), ("core/cli/a.c", "volk.h"),
        ("gui/a.c", "libavcodec/avcodec.h"), ("core/search/a.c", "sqlite3.h"), ("core/media/a.c", "libsoup/soup.h"),
        ("gui/a.c", "pulse/pulseaudio.h"), ("core/media/a.c", "shaders/shaders.h"), ("gui/a.c", "compute/gpu/gpu.h"),
        ("compute/gpu/a.c", "compute/nn/nn.h"), ("compute/text/a.c", "compute/gpu/gpu.h"),
        ("core/search/a.c", "core/library/sac-library-private.h"),
    ]
    allowed = [
        ("core/media/a.c", "libavcodec/avcodec.h"), ("gui/a.c", "core/media/sac-player.h"), ("gui/a.c", "gtk/gtk.h"),
        ("compute/gpu/a.c", "volk.h"), ("compute/networks/a.c", "compute/nn/nn.h"), ("core/analysis/a.c", "compute/networks/networks.h"),
        ("compute/gpu/a.c", "compute/status.h"), ("core/models/a.c", "libsoup/soup.h"),
    ]
    for case in forbidden:
        assert list(complaints(*case)), f"not refused: {case}"
    for case in allowed:
        assert not list(complaints(*case)), f"refused: {case}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    self_test()
    seen, found = 0, []
    for path, header in includes(root):
        seen += 1
        found += complaints(path, header)
    print("\n".join(found))
    if seen < 100:
        print(f"only {seen} includes were found: is {root} the source tree?")
        return 1
    print(f"{seen} includes read, {len(found)} forbidden")
    return 1 if found else 0


sys.exit(main())
