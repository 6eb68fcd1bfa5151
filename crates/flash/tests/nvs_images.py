"""Makes NVS images with Espressif's own generator: nvs_images.py DIRECTORY.

Writes two.bin (format 2) and one.bin (format 1, whose blobs are in one piece) there, of 6 pages each. What they hold is
computed by the test that reads them, from the same rules as here.
"""

import csv
import subprocess
import sys
from pathlib import Path

PAGES = 6


def pattern(length, seed):
    return bytes((at * 31 + seed * 7 + at // 256) % 256 for at in range(length))


def rows(directory, longest_text, largest_blob):
    for name, length, seed in [("small", 5, 1), ("large", largest_blob, 2)]:
        (directory / f"{name}.bin").write_bytes(pattern(length, seed))
    yield "key", "type", "encoding", "value"
    yield "numbers", "namespace", "", ""
    for bits in (8, 16, 32, 64):
        yield f"u{bits}_max", "data", f"u{bits}", 2**bits - 1
        yield f"i{bits}_min", "data", f"i{bits}", -(2 ** (bits - 1))
        yield f"i{bits}_minus", "data", f"i{bits}", -1
    yield "texts", "namespace", "", ""
    yield "fifteen_letters", "data", "string", "exactly fifteen"
    yield "empty", "data", "string", ""
    yield "whole_entry", "data", "string", "w" * 31
    # The generator fills no page with one text: ESP-IDF itself allows 32 bytes more.
    yield "longest", "data", "string", "l" * longest_text
    yield "blobs", "namespace", "", ""
    yield "small", "file", "binary", directory / "small.bin"
    yield "large", "file", "binary", directory / "large.bin"
    yield "hex", "data", "hex2bin", "00ff7f80"
    # The same key in another namespace is another key.
    yield "other", "namespace", "", ""
    yield "small", "data", "u8", 7


def main():
    directory = Path(sys.argv[1])
    for name, version, longest_text, largest_blob in [("two", 2, 3967, 9000), ("one", 1, 1983, 1900)]:
        table = directory / f"{name}.csv"
        with table.open("w", newline="") as file:
            csv.writer(file).writerows(rows(directory, longest_text, largest_blob))
        generator = [sys.executable, "-m", "esp_idf_nvs_partition_gen", "generate"]
        image = directory / f"{name}.bin"
        subprocess.run(
            [*generator, str(table), str(image), str(PAGES * 4096), "--version", str(version), "--outdir", str(directory)],
            check=True,
            stdout=sys.stderr,
        )


main()
