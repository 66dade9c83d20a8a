"""Writes the sample: a small, neutral `~/.claude` folder of transcripts, the same bytes every time.

    python sample/generate.py            writes sample/home again
    python sample/generate.py --out DIR  writes it somewhere else
    python sample/generate.py --check    says whether sample/home is what this program writes

Needs nothing but Python. README.md beside this file says what is in it.
"""

from __future__ import annotations

import argparse
import lzma
import shutil
import sys
import tarfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from maker.home import home_files  # noqa: E402

RECORDED = HERE / "recorded.tar.xz"


def recorded_files() -> dict[str, bytes]:
    """Unpack the recorded sessions."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=BytesIO(lzma.decompress(RECORDED.read_bytes()))) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream is not None:
                files[member.name] = stream.read()
    return files


def all_files() -> dict[str, bytes]:
    """Give every file of the sample, by its path below the home."""
    return dict(sorted((home_files() | recorded_files()).items()))


def differences(home: Path) -> list[str]:
    """Name the files that are missing, superfluous or different."""
    wanted = all_files()
    present = {path.relative_to(home).as_posix(): path for path in home.rglob("*") if path.is_file()}
    wrong = [name for name in wanted if name not in present or present[name].read_bytes() != wanted[name]]
    return sorted(wrong + [name for name in present if name not in wanted])


def write(home: Path) -> int:
    """Write the sample afresh and return its size."""
    if home.exists():
        shutil.rmtree(home)
    size = 0
    for name, body in all_files().items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        size += len(body)
    return size


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Write the sample home of transcripts.")
    parser.add_argument("--out", type=Path, default=HERE / "home", help="the folder to write (replaced)")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args()
    if options.check:
        wrong = differences(options.out)
        sys.stdout.write("\n".join(wrong) + "\n" if wrong else "the sample is up to date\n")
        return 1 if wrong else 0
    size = write(options.out)
    sys.stdout.write(f"{options.out}: {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
