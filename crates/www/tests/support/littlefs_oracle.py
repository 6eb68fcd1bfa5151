"""Makes and reads LittleFS images with littlefs-python, which wraps littlefs's own C code.

One JSON request a line on stdin, one JSON answer a line on stdout. Bytes are base64.

  {"do": "build", "blocks": N, "version": V, "cycles": C, "operations": [...]} -> {"image": ..., "tree": {...}, "done": N}
  {"do": "read", "image": ...} -> {"tree": {...}} or {"error": ...}

A tree maps paths to contents, folders to null. Operations that the file system refuses (no space, no such file) are
left out; the tree of the answer is what the file system itself says it holds in the end.
"""

import base64
import json
import sys

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

BLOCK_SIZE = 4096


def tree_of(fs):
    tree = {}
    for root, folders, files in fs.walk("/"):
        for name in folders:
            tree[(root.rstrip("/") + "/" + name).lstrip("/")] = None
        for name in files:
            path = root.rstrip("/") + "/" + name
            with fs.open(path, "rb") as file:
                tree[path.lstrip("/")] = base64.b64encode(file.read()).decode()
    return tree


def has_room(fs, path, more):
    """Whether a file surely fits: littlefs-python aborts the process when closing a file fails for lack of space."""
    try:
        old = fs.stat(path).size
    except LittleFSError:
        old = 0
    free = fs.block_count - fs.used_block_count
    return free > (old + more) // 4000 + 10


def apply(fs, operation):
    kind, path, *rest = operation
    more = {"write": 0, "append": 0, "patch": 1}.get(kind)
    at = rest[0] if kind in ("patch", "truncate") else 0
    size = at + len(rest[more]) if more is not None else at
    if kind != "remove" and not has_room(fs, path, size):
        raise OSError("no room")
    if kind == "write" or kind == "append":
        with fs.open(path, "wb" if kind == "write" else "ab") as file:
            file.write(base64.b64decode(rest[0]))
    elif kind == "patch":
        with fs.open(path, "r+b") as file:
            file.seek(rest[0])
            file.write(base64.b64decode(rest[1]))
    elif kind == "truncate":
        with fs.open(path, "r+b") as file:
            file.truncate(rest[0])
    elif kind == "mkdir":
        fs.mkdir(path)
    elif kind == "remove":
        fs.remove(path)
    elif kind == "rename":
        fs.rename(path, rest[0])
    elif kind == "attribute":
        fs.setattr(path, rest[0], base64.b64decode(rest[1]))
    else:
        raise ValueError(kind)


def build(request):
    blocks = request["blocks"]
    context = UserContext(blocks * BLOCK_SIZE)
    fs = LittleFS(
        context=context,
        mount=False,
        block_size=BLOCK_SIZE,
        block_count=blocks,
        read_size=request.get("unit", 128),
        prog_size=request.get("unit", 128),
        cache_size=request.get("cache", 512),
        lookahead_size=128,
        block_cycles=request["cycles"],
        disk_version=request["version"],
        name_max=request.get("name_max", 64),
    )
    fs.format()
    fs.mount()
    done = 0
    for operation in request["operations"]:
        try:
            apply(fs, operation)
            done += 1
        except (LittleFSError, OSError):
            pass
    tree = tree_of(fs)
    fs.unmount()
    return {"image": base64.b64encode(bytes(context.buffer)).decode(), "tree": tree, "done": done}


def read(request):
    image = bytearray(base64.b64decode(request["image"]))
    fs = LittleFS(
        context=UserContext(buffer=image),
        mount=False,
        block_size=BLOCK_SIZE,
        block_count=len(image) // BLOCK_SIZE,
        read_size=128,
        prog_size=128,
        cache_size=512,
        lookahead_size=128,
        block_cycles=-1,
        name_max=64,
    )
    try:
        fs.mount()
        stat = fs.fs_stat()
        tree = tree_of(fs)
        # What this image leaves room for can be written, too.
        if request.get("write"):
            for path, contents in request["write"].items():
                with fs.open(path, "wb") as file:
                    file.write(base64.b64decode(contents))
            written = tree_of(fs)
            fs.unmount()
            return {"tree": tree, "written": written, "image": base64.b64encode(bytes(image)).decode()}
    except (LittleFSError, OSError) as error:
        return {"error": repr(error)}
    return {"tree": tree, "version": stat.disk_version, "name_max": stat.name_max}


for line in sys.stdin:
    request = json.loads(line)
    answer = build(request) if request["do"] == "build" else read(request)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
