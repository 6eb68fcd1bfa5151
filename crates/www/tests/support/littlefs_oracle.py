"""Makes and reads LittleFS images with littlefs-python, which wraps littlefs's own C code.

One JSON request a line on stdin, one JSON answer a line on stdout. Bytes are base64.

  {"do": "build", "blocks": N, "version": V, "cycles": C, "operations": [...]} -> {"image": ..., "tree": {...}, "done": N}
With "cut": N the answer of build also has what is on the flash if power goes in the N-th operation, as "cut".

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


class Cut(UserContext):
    """Flash that keeps what is on it when power goes in the middle of its n-th erase or program operation."""

    def __init__(self, size, cut):
        super().__init__(size)
        self.left = cut
        self.snapshot = None

    def operation(self, start, data):
        self.left -= 1
        if self.left == 0:
            self.snapshot = bytearray(self.buffer)
            half = len(data) // 2
            self.snapshot[start : start + half] = data[:half]

    def prog(self, cfg, block, off, data):
        self.operation(block * cfg.block_size + off, bytes(data))
        return super().prog(cfg, block, off, data)

    def erase(self, cfg, block):
        self.operation(block * cfg.block_size, b"\xff" * cfg.block_size)
        return super().erase(cfg, block)


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
    except (LittleFSError, OSError):
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
    context = Cut(blocks * BLOCK_SIZE, 0)
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
    # A cut while formatting leaves nothing to read.
    context.left = request.get("cut", 0)
    done = 0
    for operation in request["operations"]:
        try:
            apply(fs, operation)
            done += 1
        except (LittleFSError, OSError):
            pass
    tree = tree_of(fs)
    fs.unmount()
    answer = {"image": base64.b64encode(bytes(context.buffer)).decode(), "tree": tree, "done": done}
    if context.snapshot is not None:
        image = base64.b64encode(bytes(context.snapshot)).decode()
        answer["cut"] = {"image": image, **read({"image": image, "settle": True})}
    return answer


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
        if request.get("settle"):
            # Its first write ends an interrupted move. Until then it also hides the file behind the one that moved.
            try:
                fs.remove("/nowhere")
            except (LittleFSError, OSError):
                pass
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
