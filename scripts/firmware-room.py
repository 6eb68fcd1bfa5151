"""Prints how much of each app slot the firmware takes: firmware-room.py TABLES IMAGE...

TABLES is a folder of partition tables as CSV, with all offsets and sizes written out. The smallest slot counts: an
update may go to any of them.
"""

import csv
import sys
from pathlib import Path

UNITS = {"K": 1024, "M": 1024 * 1024}


def size(text):
    text = text.strip()
    unit = UNITS.get(text[-1:].upper(), 1)
    return int(text[:-1] if unit > 1 else text, 0) * unit


def smallest_slot(table):
    rows = csv.reader(line for line in table.read_text().splitlines() if not line.startswith("#"))
    return min(size(row[4]) for row in rows if row[1].strip() == "app")


def main():
    tables = sorted(Path(sys.argv[1]).glob("*.csv"), key=lambda path: (int(path.name.split("mb")[0]), path.name))
    rows = [("IMAGE", "BYTES", "TABLE", "SLOT", "LEFT", "")]
    too_big = []
    for image in map(Path, sys.argv[2:]):
        bytes_ = image.stat().st_size
        for table in tables:
            slot = smallest_slot(table)
            left = slot - bytes_
            rows.append((image.name, f"{bytes_:,}", table.stem, f"{slot:,}", f"{left:,}", f"{100 * left / slot:.0f} %"))
            if left < 0:
                too_big.append((image.name, table.name))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        text = [cell.ljust(width) if column in (0, 2) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(text).rstrip())
    for image, table in too_big:
        print(f"firmware: {image} does not fit the slots of {table}", file=sys.stderr)
    sys.exit(1 if too_big else 0)


main()
