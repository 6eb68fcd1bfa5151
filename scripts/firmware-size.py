"""Prints what the firmware's RAM and flash go to: firmware-size.py ELF

RAM is what is taken as long as the program runs: sections in the chip's data RAM, by what holds it (the linker's symbols
for the stack, the heap's arrays by name, statics by crate). Flash is the machine code by crate. A symbol belongs to the
crate it is written in: a generic function of `core` counts as `core`, whoever uses it.

Reads 32-bit little-endian ELF (TIS ELF 1.2) with nothing but Python's own library.
"""

import re
import struct
import sys
from collections import Counter, namedtuple

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHT_SYMTAB, SHT_NOBITS = 2, 8
STT_OBJECT, STT_FUNC = 1, 2

Section = namedtuple("Section", "name type flags address offset size link")
Symbol = namedtuple("Symbol", "name kind address size section")

# What Rust's v0 mangling has between names: numbers in base 62, of a crate or of what was named before.
V0_NUMBER = re.compile(r"[sBGL][0-9a-zA-Z]*_")
V0_LENGTH = re.compile(r"(\d+)_?")
# Code that is copied to RAM and runs there: interrupt handlers, and what runs while the flash is busy.
CODE_IN_RAM = (".trap", ".rwtext")
STACK = ".stack"
TOP = 10
OWN = "the agent, its tasks and the firmware"
HEAP = "heap"


def text(table, at):
    return table[at:table.index(b"\0", at)].decode("utf-8", "replace")


def read(elf):
    if elf[:6] != b"\x7fELF\x01\x01":
        sys.exit("firmware-size: not a 32-bit little-endian ELF")
    (table,) = struct.unpack_from("<I", elf, 32)
    entry, count, names = struct.unpack_from("<HHH", elf, 46)
    raw = [struct.unpack_from("<10I", elf, table + index * entry) for index in range(count)]
    name_table = elf[raw[names][4]:raw[names][4] + raw[names][5]]
    sections = [Section(text(name_table, row[0]), *row[1:7]) for row in raw]
    symbols = []
    for section in sections:
        if section.type != SHT_SYMTAB:
            continue
        strings = sections[section.link]
        strings = elf[strings.offset:strings.offset + strings.size]
        for at in range(section.offset, section.offset + section.size, 16):
            name, address, size, info, _, home = struct.unpack_from("<IIIBBH", elf, at)
            symbols.append(Symbol(text(strings, name), info & 15, address, size, home))
    return sections, symbols


def path(name):
    """The names a mangled name is made of, the crate's first; of C, none."""
    names = []
    if name.startswith("_R"):
        at = 2
        while at < len(name):
            if number := V0_NUMBER.match(name, at):
                at = number.end()
            elif length := V0_LENGTH.match(name, at):
                at = length.end() + int(length[1])
                names.append(name[length.end():at])
            else:
                at += 1
    elif name.startswith("_ZN"):
        at = 3
        while length := re.compile(r"\d+").match(name, at):
            at = length.end() + int(length[0])
            names.append(name[length.end():at])
        if names and re.fullmatch(r"h[0-9a-f]{16}", names[-1]):
            names.pop()
    return [part for part in names if part]


def crate(name):
    """The crate a symbol is written in, or what else it is from."""
    names = path(name)
    if not names:
        return "C and assembly, the radio's above all"
    # Older mangling: <alloc::vec::Vec<T> as …>, of which the first path is behind any `<`, `&`, `[` and `dyn`.
    first = re.sub(r"^_?(\$(LT|RF|BP|u5b|LP|C)\$|(dyn|mut|const)(\.|\$u20\$)|\$u20\$)*", "", names[0])
    return re.split(r"\.\.|[$.]", first)[0] or names[0]


def owner(symbol):
    """Whose RAM a static is."""
    name = crate(symbol.name)
    if not name.startswith("updraft"):
        return name
    # esp_alloc::heap_allocator! names its arrays so.
    return HEAP if path(symbol.name)[-1] == "HEAP" else OWN


def table(title, counts, top=None):
    print(title)
    rows = counts.most_common(top)
    for name, size in rows:
        print(f"{size:>10,}  {name}")
    rest = sum(counts.values()) - sum(size for _, size in rows)
    if rest:
        print(f"{rest:>10,}  {len(counts) - len(rows)} more")
    print(f"{sum(counts.values()):>10,}  in all")


def main():
    with open(sys.argv[1], "rb") as file:
        sections, symbols = read(file.read())
    sized = [symbol for symbol in symbols if symbol.size and 0 < symbol.section < len(sections)]
    # One address has one size, whatever names it goes by.
    sized = list({(symbol.address, symbol.size): symbol for symbol in sized}.values())

    def of(kind, wanted):
        return [symbol for symbol in sized
                if symbol.kind == kind and wanted(sections[symbol.section])]

    ram = [section for section in sections if section.flags & SHF_ALLOC and section.flags & SHF_WRITE and section.size]
    print("RAM, by section, in bytes")
    for section in ram:
        print(f"{section.size:>10,}  {section.name} at {section.address:#x}")
    print(f"{sum(section.size for section in ram):>10,}  in all")
    for section in sections:
        if section.name.startswith(CODE_IN_RAM) and section.size:
            print(f"{section.size:>10,}  {section.name} besides: code that runs from RAM")
        elif section.name == STACK:
            print(f"{section.size:>10,}  {section.name} is what is left, the main task's stack")

    statics = of(STT_OBJECT, lambda section: section in ram)
    owners = Counter()
    for symbol in statics:
        owners[owner(symbol)] += symbol.size
    print()
    table("Statics in RAM, by whose they are, in bytes", owners, TOP)
    print("\nThe largest of the agent's, its tasks' and the firmware's statics, in bytes")
    own = sorted((symbol for symbol in statics if owner(symbol) == OWN), key=lambda symbol: -symbol.size)
    for symbol in own[:TOP]:
        print(f"{symbol.size:>10,}  {'::'.join(path(symbol.name))}")
    if not own:
        print("         0  none")

    code = Counter()
    for symbol in of(STT_FUNC, lambda section: section.flags & SHF_EXECINSTR):
        code[crate(symbol.name)] += symbol.size
    print()
    table("Machine code, by crate, in bytes", code, TOP)
    constants = sum(section.size for section in sections
                    if section.flags & SHF_ALLOC and not section.flags & (SHF_WRITE | SHF_EXECINSTR)
                    and section.type != SHT_NOBITS)
    print(f"{constants:>10,}  of constants besides")


main()
