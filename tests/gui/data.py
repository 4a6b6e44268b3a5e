#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data files are what the desktop expects of them, and every string that people read can be translated.

usage: data.py SOURCE BUILD
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
APP = "org.saccade.Saccade"
found = []


def check(what, *command):
    if not shutil.which(command[0]):
        print(f"{what}: no {command[0]}, left out")
        return
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    print(f"{what}: {'fine' if answer.returncode == 0 else 'wrong'}")
    if answer.returncode != 0:
        found.append(f"{what}: {answer.stdout}{answer.stderr}")


def complain(condition, words):
    if condition:
        found.append(words)


def listed_files():
    lines = (SOURCE / "po/POTFILES").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and line[0] != "#"]


def check_potfiles():
    listed = listed_files()
    complain(len(listed) != len(set(listed)), "po/POTFILES: names a file twice")
    for name in listed:
        complain(not (SOURCE / name).is_file(), f"po/POTFILES: {name} does not exist")
    marks = re.compile(r'\b(?:_|N_|ngettext|C_)\(\s*"|translatable="yes"')
    for folder in ("gui", "core", "data"):
        for path in (SOURCE / folder).rglob("*"):
            name = path.relative_to(SOURCE).as_posix()
            if path.suffix in (".c", ".ui") and marks.search(path.read_text(encoding="utf-8")):
                complain(name not in listed, f"po/POTFILES: {name} has strings for people and is not listed")
    for name in (f"data/{APP}.desktop.in", f"data/{APP}.metainfo.xml.in"):
        complain(name not in listed, f"po/POTFILES: {name} is not listed")


def check_interfaces():
    """Every string of a .ui file that is shown is marked for translation."""
    shown = {"label", "title", "tooltip-text", "description", "placeholder-text", "subtitle"}
    for path in (SOURCE / "gui").glob("*.ui"):
        for node in xml.parse(path).iter():
            text = (node.text or "").strip()
            words = re.search(r"[A-Za-z]{2}", text) and text != "Saccade"
            if node.tag in ("property", "attribute") and node.get("name") in shown and words:
                complain(node.get("translatable") != "yes", f"{path.name}: “{text}” is not marked translatable")
        for node in xml.parse(path).iter("property"):
            if node.get("name") == "icon-name" and (node.text or "").startswith("sac-"):
                icon = SOURCE / f"data/icons/actions/{node.text}.svg"
                complain(not icon.is_file(), f"{path.name}: no icon {node.text}")


def check_shortcuts():
    """Every key of the window is in its list of shortcuts."""
    code = (SOURCE / "gui/sac-window-actions.c").read_text(encoding="utf-8")
    keys = re.findall(r'\{ "([^"]+)", "win\.', code[code.index("} keys[] = {"):])
    shown = set()
    for node in xml.parse(SOURCE / "gui/shortcuts.ui").iter("property"):
        if node.get("name") == "accelerator":
            shown |= set(node.text.split())
    complain(len(keys) < 30, "the table of keys could not be read")
    for alternatives in keys:
        complain(not shown & set(alternatives.split("|")) and alternatives != "Escape",
                 f"shortcuts.ui: {alternatives} is not shown")


def main():
    check("desktop entry", "desktop-file-validate", BUILD / f"data/{APP}.desktop")
    check("AppStream metainfo", "appstreamcli", "validate", "--no-net", BUILD / f"data/{APP}.metainfo.xml")
    check("settings schema", "glib-compile-schemas", "--strict", "--dry-run", SOURCE / "data")
    check("manual page", "man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", SOURCE / "data/saccade.1")
    languages = (SOURCE / "po/LINGUAS").read_text(encoding="utf-8").split()
    complain(not languages, "po/LINGUAS: no translation")
    with tempfile.TemporaryDirectory() as folder:
        for language in languages:
            check(f"translation {language}", "msgfmt", "-c", "-o", f"{folder}/{language}.mo", SOURCE / f"po/{language}.po")
            # Everything that the window shows is translated; what the command line says may fall back to English.
            shown = [name for name in listed_files() if name.startswith(("gui/", "data/"))]
            check(f"words of the window in {language}", "sh", "-c",
                  f"xgettext -o {folder}/window.pot --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=ngettext:1,2 "
                  f"-D {SOURCE} {' '.join(shown)} && msgcmp {SOURCE}/po/{language}.po {folder}/window.pot")
        check("strings", "xgettext", "-o", f"{folder}/saccade.pot", "--from-code=UTF-8", "-D", SOURCE, "-f",
              SOURCE / "po/POTFILES", "--keyword=_", "--keyword=N_", "--add-comments")
    for icon in (f"scalable/apps/{APP}.svg", f"symbolic/apps/{APP}-symbolic.svg"):
        xml.parse(SOURCE / "data/icons/hicolor" / icon)
    check_potfiles()
    check_interfaces()
    check_shortcuts()
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main())
