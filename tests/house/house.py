#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the habits that every file keeps: the folders at the top, a licence line, no long files' tails, no stray words."""
import pathlib
import re
import subprocess
import sys

FOLDERS = {"gui", "compute", "shaders", "core", "data", "po", "tests"}
SOURCES = {".c", ".h", ".comp", ".glsl", ".py", ".sh", ".build"}
PLACES = re.compile(r"/work/|/tmp/brief|registry\.npmjs|pypi\.org|deb\.debian\.org|crates\.io|repo1\.maven")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=False)
    if listing.returncode != 0:
        print("not a git checkout: skipped")
        return 77
    files = [name for name in listing.stdout.decode().split("\0") if name and (root / name).is_file()]
    found = []
    for folder in {name.split("/")[0] for name in files if "/" in name}:
        if folder not in FOLDERS and not folder.startswith("."):
            found.append(f"{folder}/: not one of the folders of the house")
    for name in files:
        path = root / name
        if path.suffix not in SOURCES and name not in ("run", "check"):
            continue
        text = path.read_text(encoding="utf-8")
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:400]:
            found.append(f"{name}: no SPDX licence line at its top")
        if name != "tests/house/house.py" and PLACES.search(text):
            found.append(f"{name}: names a place that is not the project's: {PLACES.search(text).group(0)}")
        if re.search(r"[ \t]+$", text, re.M):
            found.append(f"{name}: white space at the end of a line")
    print("\n".join(sorted(found)))
    print(f"{len(files)} files read, {len(found)} complaints")
    return 1 if found else 0


sys.exit(main())
