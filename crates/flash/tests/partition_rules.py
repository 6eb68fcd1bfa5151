"""What ESP-IDF's partition table rules make of each table.

The rules are those of gen_esp32part.py 1.5, in the package esp-idf-defs. One case a line, fields apart by blanks:
table offset, primary bootloader offset, recovery bootloader offset, secure boot, flash size (`-` where there is
none), `csv` or `bin`, the table in hex. One answer a line: `ok BINARY CSV`, `refused MESSAGE` or `crashed MESSAGE`, all in hex.
"""

import os
import sys

from esp_idf_defs import partitions
from esp_idf_defs.partitions import InputError, PartitionTable

os.environ["SLOT"] = "64K"


def number(field):
    return None if field == "-" else int(field)


def answer(line):
    table_offset, primary, recovery, secure, flash_size, kind, data = line.split(" ")
    data = bytes.fromhex(data)
    try:
        if kind == "csv":
            text = data.decode(partitions.get_encoding(data))
            table = PartitionTable.from_csv(text, int(table_offset), number(primary), number(recovery))
        else:
            table = PartitionTable.from_binary(data)
        table.verify(int(table_offset), None if secure == "-" else secure)
        if flash_size != "-":
            table.verify_size_fits(int(flash_size))
        binary = table.to_binary()
        printed = PartitionTable.from_binary(binary).to_csv()
    except InputError as error:
        return "refused " + str(error).encode().hex()
    except Exception as error:
        return "crashed " + f"{type(error).__name__}: {error}".encode().hex()
    return f"ok {binary.hex()} {printed.encode().hex()}"


def main():
    with open(sys.argv[1]) as cases, open(sys.argv[2], "w") as answers:
        for line in cases:
            answers.write(answer(line.rstrip("\n")) + "\n")


main()
