#!/usr/bin/env python3
"""Writes the header with the renderer's build id.

Segments are kept and compared by keys that contain this id, so it must change with everything that
can change an encoded byte: the sources of the renderer and of what decides its input, the versions
of the libraries behind it, the kind of processor.

usage: build-id.py SOURCE_ROOT CPU HEADER DEPFILE LIBRARY=VERSION...
"""
import hashlib
import sys
from pathlib import Path

PATTERNS = ["media/*.[ch]", "job/plan*.[ch]", "job/rational*.[ch]", "job/timeline*.[ch]"]


def sources(root):
    return sorted(path for pattern in PATTERNS for path in (root / "src").glob(pattern))


def build_id(root, files, facts):
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"fact {fact}\n".encode())
    for path in files:
        contents = path.read_bytes()
        digest.update(f"file {path.relative_to(root).as_posix()} {len(contents)}\n".encode())
        digest.update(contents)
    return digest.hexdigest()[:16]


def main():
    root, cpu, header, depfile = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    files = sources(root)
    text = build_id(root, files, ["cpu=" + cpu, *sys.argv[5:]])
    Path(header).write_text(
        "/* Made by tools/build-id.py. */\n"
        "#ifndef MEDIA_BUILD_ID_H\n"
        "#define MEDIA_BUILD_ID_H\n\n"
        f'#define MEDIA_BUILD_ID "{text}"\n\n'
        "#endif\n")
    dependencies = " ".join(str(p).replace(" ", "\\ ") for p in files)
    Path(depfile).write_text(f"{header}: {dependencies}\n")


main()
