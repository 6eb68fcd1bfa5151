"""An espota device, written from the protocol's description alone, to be set against our client.

    python3 device.py [options]

Prints its UDP port on the first line, then one line of JSON for the update it served (or refused), and ends.

    --password TEXT     want this password
    --scheme S          md5 or sha256 (sha256)
    --stored-md5        SHA-256 scheme, but the password is stored as its MD5
    --ignore N          do not read the first N invitations
    --slow S            wait so many seconds before each count
    --small             read at most 536 bytes at a time, so that there are several counts to a chunk
    --glue              send the last count and OK in one piece
    --split-ok          send OK a byte at a time
    --repeat            send every count twice
    --error TEXT        say this instead of OK
    --error-after N     say it after so many bytes, and close
    --close-after N     close without a word after so many bytes
    --no-verdict        close after the last byte without a word
    --hang              accept, but send no count
    --never-connect     answer OK and never connect
    --stranger          first connect from 127.0.0.2, as somebody else would
"""

import argparse
import hashlib
import json
import os
import socket
import sys
import time


def say(document):
    print(json.dumps(document), flush=True)


class Device:
    def __init__(self, options):
        self.o = options
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        # The test kills what it no longer needs; this is for the case that it cannot.
        self.udp.settimeout(120)
        print(self.udp.getsockname()[1], flush=True)
        self.refusals = 0
        self.invitations = 0

    def run(self):
        while True:
            command, port, size, md5, peer = self.invited()
            if self.o.password is None or self.authentic(peer):
                break
        self.udp.sendto(b"OK", peer)
        if self.o.never_connect:
            time.sleep(60)
            return
        if self.o.stranger:
            stranger = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
            stranger.sendall(b"OK")
        content, end = self.fetch((peer[0], port), size)
        say({
            "command": command,
            "size": size,
            "received": len(content),
            "md5": hashlib.md5(content).hexdigest(),
            "announced": md5,
            "sha256": hashlib.sha256(content).hexdigest(),
            "invitations": self.invitations,
            "refusals": self.refusals,
            "end": end,
        })

    def invited(self):
        while True:
            line, peer = self.udp.recvfrom(200)
            fields = line.decode().split()
            if len(fields) != 4 or not line.endswith(b"\n"):
                say({"unexpected": line.decode()})
                continue
            self.invitations += 1
            if self.invitations > self.o.ignore:
                return int(fields[0]), int(fields[1]), int(fields[2]), fields[3], peer

    def authentic(self, peer):
        password = self.o.password.encode()
        if self.o.scheme == "md5":
            nonce = os.urandom(16).hex()
        else:
            nonce = os.urandom(32).hex()
        self.udp.sendto(("AUTH " + nonce).encode(), peer)
        line, other = self.udp.recvfrom(300)
        mark, cnonce, response = line.decode().split()
        both = (":" + nonce + ":" + cnonce).encode()
        if self.o.scheme == "md5":
            wanted = hashlib.md5(hashlib.md5(password).hexdigest().encode() + both).hexdigest()
        else:
            new = hashlib.md5 if self.o.stored_md5 else hashlib.sha256
            key = hashlib.pbkdf2_hmac("sha256", new(password).hexdigest().encode(), both[1:], 10000).hex()
            wanted = hashlib.sha256(key.encode() + both).hexdigest()
        if (mark, other, response, len(cnonce)) == ("200", peer, wanted, len(nonce)):
            return True
        self.refusals += 1
        self.udp.sendto(b"Authentication Failed", peer)
        return False

    def fetch(self, host, size):
        link = socket.create_connection(host, timeout=30)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        content = b""
        try:
            while len(content) < size:
                piece = link.recv(536 if self.o.small else 1460)
                if not piece:
                    return content, "closed by the host"
                content += piece
                if self.o.error_after is not None and len(content) >= self.o.error_after:
                    link.sendall((self.o.error or "ERROR").encode())
                    return content, "error"
                if self.o.close_after is not None and len(content) >= self.o.close_after:
                    return content, "closed"
                if self.o.hang:
                    continue
                time.sleep(self.o.slow)
                count = str(len(piece)) * (2 if self.o.repeat else 1)
                if len(content) == size and self.o.glue:
                    count += "OK"
                link.sendall(count.encode())
            if self.o.no_verdict:
                return content, "no verdict"
            if self.o.error:
                link.sendall(self.o.error.encode() + b"\r\n")
                return content, "error"
            if not self.o.glue:
                for piece in ["O", "K"] if self.o.split_ok else ["OK"]:
                    link.sendall(piece.encode())
                    time.sleep(0.05)
            return content, "ok"
        finally:
            link.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--password")
    parser.add_argument("--scheme", choices=["md5", "sha256"], default="sha256")
    for flag in ["stored-md5", "small", "glue", "split-ok", "repeat", "no-verdict", "hang", "never-connect", "stranger"]:
        parser.add_argument("--" + flag, action="store_true")
    parser.add_argument("--ignore", type=int, default=0)
    parser.add_argument("--slow", type=float, default=0)
    parser.add_argument("--error")
    parser.add_argument("--error-after", type=int)
    parser.add_argument("--close-after", type=int)
    Device(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
