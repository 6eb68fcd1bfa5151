"""An espota client, written from the protocol's description alone, to be set against our device.

    python3 client.py [options] HOST FILE

    --port N            the device's UDP port (3232)
    --password TEXT     answer challenges with this password
    -m, --md5-target    with the SHA-256 scheme, start from the password's MD5 and do not try its SHA-256
    --scheme S          refuse a challenge of the other scheme: md5 or sha256 (either)
    --filesystem        command 100 instead of 0
    --command N         any other command
    --host-ip A         listen on this address (127.0.0.1)
    --host-port N       listen on this port (any free one)
    --timeout S         seconds to wait for each answer (10)
    --tries N           invitations (10)
    --claim-md5 HEX     announce another MD5 than the file's
    --claim-size N      announce another size
    --stop-after N      close the connection after so many bytes
    --stall-after N     send no more after so many bytes, but keep the connection until the device closes it
    --replay            when all is done, send the accepted response again and report the answer of a second

Prints one line of JSON: {"outcome": ..., "detail": ..., "sent": bytes, "counts": text of the counts, "scheme": ...,
"replayed": answer or null}. Outcomes: done, no_answer, no_password, refused, no_connection, device_error, cut,
no_verdict. Exit code 0 for done, 1 for everything else.
"""

import argparse
import hashlib
import json
import socket
import sys

CHUNK = 1024


class Outcome(Exception):
    def __init__(self, outcome, detail=""):
        super().__init__(outcome)
        self.outcome = outcome
        self.detail = detail


def respond(password, nonce, cnonce, use_md5):
    """The response, by the length of the nonce."""
    both = nonce + ":" + cnonce
    if len(nonce) == 32:
        key = hashlib.md5(password.encode()).hexdigest()
        return hashlib.md5((key + ":" + both).encode()).hexdigest()
    hashed = (hashlib.md5 if use_md5 else hashlib.sha256)(password.encode()).hexdigest()
    key = hashlib.pbkdf2_hmac("sha256", hashed.encode(), both.encode(), 10000).hex()
    return hashlib.sha256((key + ":" + both).encode()).hexdigest()


class Client:
    def __init__(self, options):
        self.o = options
        with open(options.file, "rb") as file:
            self.content = file.read()
        self.md5 = options.claim_md5 or hashlib.md5(self.content).hexdigest()
        self.size = len(self.content) if options.claim_size is None else options.claim_size
        self.device = (options.host, options.port)
        self.result = {"outcome": None, "detail": "", "sent": 0, "counts": "", "scheme": "none", "replayed": None}
        self.response = None
        self.listener = socket.create_server((options.host_ip, options.host_port), backlog=1)
        self.listener.settimeout(options.timeout)

    def run(self):
        try:
            udp = self.authenticate()
            self.transfer()
            outcome = Outcome("done")
        except Outcome as end:
            outcome = end
        self.result["outcome"], self.result["detail"] = outcome.outcome, outcome.detail
        if self.o.replay and self.response:
            udp.settimeout(1)
            udp.sendto(self.response, self.device)
            try:
                self.result["replayed"] = udp.recv(100).decode()
            except socket.timeout:
                pass
        print(json.dumps(self.result))
        return 0 if outcome.outcome == "done" else 1

    def invite(self):
        """The socket that was answered, and the answer."""
        command = self.o.command
        if command is None:
            command = 100 if self.o.filesystem else 0
        port = self.listener.getsockname()[1]
        line = "%d %d %d %s\n" % (command, port, self.size, self.md5)
        for _ in range(self.o.tries):
            # As the Arduino tool does: another socket, so another port, for every try.
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((self.o.host_ip, 0))
            udp.settimeout(self.o.timeout)
            udp.sendto(line.encode(), self.device)
            try:
                return udp, udp.recv(69).decode()
            except (socket.timeout, ConnectionError):
                udp.close()
        raise Outcome("no_answer")

    def authenticate(self):
        hashes = [True] if self.o.md5_target else [False, True]
        while True:
            udp, answer = self.invite()
            if answer == "OK":
                return udp
            word, _, nonce = answer.partition(" ")
            if word != "AUTH" or len(nonce) not in (32, 64):
                raise Outcome("refused", answer)
            scheme = {32: "md5", 64: "sha256"}[len(nonce)]
            self.result["scheme"] = scheme
            if self.o.scheme not in (None, scheme):
                raise Outcome("refused", "the device asked for " + scheme)
            if self.o.password is None:
                raise Outcome("no_password")
            use_md5 = hashes.pop(0)
            new = hashlib.md5 if scheme == "md5" else hashlib.sha256
            cnonce = new(("%s%u%s%s" % (self.o.file, self.size, self.md5, self.o.host)).encode()).hexdigest()
            line = "200 %s %s\n" % (cnonce, respond(self.o.password, nonce, cnonce, use_md5))
            udp.settimeout(self.o.timeout)
            udp.sendto(line.encode(), self.device)
            try:
                answer = udp.recv(100).decode()
            except socket.timeout:
                raise Outcome("no_answer", "to the response")
            if answer == "OK":
                self.response = line.encode()
                return udp
            if scheme == "md5" or not hashes:
                raise Outcome("refused", answer)

    def transfer(self):
        try:
            connection, _ = self.listener.accept()
        except socket.timeout:
            raise Outcome("no_connection")
        connection.settimeout(self.o.timeout)
        heard = ""
        try:
            for at in range(0, len(self.content), CHUNK):
                for limit, stay in ((self.o.stop_after, False), (self.o.stall_after, True)):
                    if limit is not None and at >= limit:
                        self.give_up(connection, stay)
                piece = self.content[at : at + CHUNK]
                connection.sendall(piece)
                self.result["sent"] += len(piece)
                # Only the last of what was said can hold the verdict.
                heard = connection.recv(10).decode()
                self.note(heard)
                if "ERR" in heard:
                    raise Outcome("device_error", self.rest(connection, heard))
            connection.settimeout(60)
            while "OK" not in heard:
                more = connection.recv(32).decode()
                if not more:
                    raise Outcome("device_error" if "ERR" in heard else "no_verdict", heard.strip())
                heard += more
                self.note(more)
        except socket.timeout:
            raise Outcome("no_verdict", "silence")
        except ConnectionError as error:
            raise Outcome("cut", str(error))
        finally:
            connection.close()

    def give_up(self, connection, stay):
        if stay:
            connection.settimeout(60)
            self.rest(connection, "")
        raise Outcome("cut", "by this side")

    def rest(self, connection, heard):
        try:
            while more := connection.recv(256).decode():
                heard += more
                self.note(more)
        except OSError:
            pass
        return heard.strip()

    def note(self, text):
        # Enough to look at, however long the file is.
        self.result["counts"] = (self.result["counts"] + text)[-4096:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("file")
    parser.add_argument("--port", type=int, default=3232)
    parser.add_argument("--password")
    parser.add_argument("-m", "--md5-target", action="store_true")
    parser.add_argument("--scheme", choices=["md5", "sha256"])
    parser.add_argument("--filesystem", action="store_true")
    parser.add_argument("--command", type=int)
    parser.add_argument("--host-ip", default="127.0.0.1")
    parser.add_argument("--host-port", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--claim-md5")
    parser.add_argument("--claim-size", type=int)
    parser.add_argument("--stop-after", type=int)
    parser.add_argument("--stall-after", type=int)
    parser.add_argument("--replay", action="store_true")
    sys.exit(Client(parser.parse_args()).run())


if __name__ == "__main__":
    main()
