#!/usr/bin/env python3
"""Writes the list of fonts that text is drawn with, as C: file names and sizes, in order of preference.

The fonts are a part of what makes a frame, so the list is a part of the build id, and a font that
differs from it is not used. Noto Sans comes first, then its scripts, symbols, the scripts that Noto has
in another style only, and emoji.

usage: font-list.py HEADER FOLDER...
"""
import hashlib
import sys
from pathlib import Path

FIRST = ["NotoSans-Regular.ttf", "NotoSansSymbols-Regular.ttf", "NotoSansSymbols2-Regular.ttf",
         "NotoSansMath-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoMusic-Regular.ttf"]
PATTERNS = ["NotoSans*-Regular.tt[fc]", "NotoSerif*-Regular.ttf", "Noto*-Regular.ttf", "NotoColorEmoji.ttf"]
# Drawn otherwise than the text around them, or variants of others.
LEFT_OUT = ["NotoSansMono-Regular.ttf", "NotoMono-Regular.ttf", "NotoSansDisplay-Regular.ttf",
            "NotoSerif-Regular.ttf", "NotoSerifDisplay-Regular.ttf"]


def fonts(folders):
    found = {}
    for pattern in PATTERNS:
        for folder in folders:
            for path in sorted(Path(folder).glob(pattern)):
                if path.name not in LEFT_OUT and path.name not in found:
                    found[path.name] = path.stat().st_size
    first = [name for name in FIRST if name in found]
    return [(name, found[name]) for name in first + [n for n in found if n not in first]]


def main():
    header, folders = sys.argv[1], sys.argv[2:]
    listed = fonts(folders)
    if header == "-":
        print(hashlib.sha256(repr(listed).encode()).hexdigest()[:16])
        return
    rows = "".join(f'    {{"{name}", {size}}},\n' for name, size in listed)
    places = "".join(f'    "{folder}",\n' for folder in folders)
    Path(header).write_text(
        "/* Made by tools/font-list.py. */\n"
        f"static const struct font_file font_files[] = {{\n{rows}    {{NULL, 0}},\n}};\n"
        f"static const char *const font_folders[] = {{\n{places}    NULL,\n}};\n")


main()
