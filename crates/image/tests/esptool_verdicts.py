"""Esptool's verdict on images, one JSON line for each line of standard input.

A request is {"file": path, "length": n, "edits": [[offset, hex], ...]}: the file's bytes, cut to `length` or filled up
to it with zeros, then overwritten at each offset. It stands for a damaged image without sending it whole.

The answer is what `esptool image-info` would print: {"error": text} if it gives up, else chip, checksum and hash
verdicts, segments and app information. One process serves all requests, since starting esptool takes most of a second.
"""

import functools
import json
import os
import sys

from esptool.bin_image import LoadFirmwareImage
from esptool.cmds import _parse_app_info, _parse_image_info_header
from esptool.loader import ESPLoader

# Esptool's checksum is a Python loop; most mutations leave most segments as they were.
ESPLoader.checksum = staticmethod(functools.lru_cache(maxsize=256)(ESPLoader.checksum))


@functools.cache
def content(path):
    with open(path, "rb") as file:
        return file.read()


def mutated(request):
    data = bytearray(content(request["file"])[: request["length"]])
    data.extend(bytes(request["length"] - len(data)))
    for offset, replacement in request["edits"]:
        replacement = bytes.fromhex(replacement)
        data[offset : offset + len(replacement)] = replacement
    return bytes(data)


def verdict(data):
    chip = _parse_image_info_header(data)
    image = LoadFirmwareImage(chip, data)
    hashed = getattr(image, "append_digest", False)
    result = {
        "chip": chip,
        "entry": image.entrypoint,
        "segments": [[s.addr, len(s.data), s.file_offs] for s in image.segments],
        "checksum": image.checksum,
        "checksum_valid": image.checksum == image.calculate_checksum(),
        "hash_valid": image.stored_digest == image.calc_digest if hashed else None,
        "hash": image.calc_digest.hex() if hashed else None,
    }
    return result, image


def app_information(image):
    app = _parse_app_info(image.segments[0].data)
    if app:
        return {key: str(value) for key, value in app.items()}
    return None


# Only answers go to standard output: esptool's own remarks on damaged images are of no interest.
answers = sys.stdout
sys.stdout = sys.stderr = open(os.devnull, "w")

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer, image = verdict(mutated(request))
        if request.get("app"):
            answer["app"] = app_information(image)
            answer["revisions"] = [image.min_rev_full, image.max_rev_full]
    except Exception as error:  # whatever makes esptool give up is its verdict
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
