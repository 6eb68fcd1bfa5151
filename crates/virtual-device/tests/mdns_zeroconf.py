"""Browses for devices on 127.0.0.1 as any program would, and says what it saw.

    mdns_zeroconf.py INSTANCE...

Prints one line of JSON once every instance is there with all three services, then one once all have said goodbye.
Written for zeroconf 0.154.
"""

import json
import sys
import threading

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf, ZeroconfServiceTypes

KINDS = ["_http._tcp.local.", "_ota._tcp.local.", "_arduino._tcp.local."]
# A machine that builds on every core may be slow; a responder that works needs two seconds.
DEADLINE = 60


class Listener(ServiceListener):
    def __init__(self, wanted):
        self.wanted = wanted
        self.there = set()
        self.all = threading.Event()
        self.none = threading.Event()

    def add_service(self, zc, kind, name):
        self.there.add(name)
        if self.wanted <= self.there:
            self.all.set()

    def remove_service(self, zc, kind, name):
        self.there.discard(name)
        if not self.wanted & self.there:
            self.none.set()

    def update_service(self, zc, kind, name):
        pass


def describe(zc, kind, name):
    info = zc.get_service_info(kind, name, timeout=10_000)
    if info is None:
        return None
    return {
        "host": info.server,
        "port": info.port,
        "addresses": info.parsed_addresses(),
        "txt": {key.decode(): value.decode() for key, value in info.properties.items()},
    }


instances = sys.argv[1:]
zc = Zeroconf(interfaces=["127.0.0.1"])
listener = Listener({f"{instance}.{kind}" for instance in instances for kind in KINDS})
browser = ServiceBrowser(zc, KINDS, listener)
if not listener.all.wait(DEADLINE):
    sys.exit(f"missing: {listener.wanted - listener.there}")
seen = {instance: {kind: describe(zc, kind, f"{instance}.{kind}") for kind in KINDS} for instance in instances}
types = [kind for kind in ZeroconfServiceTypes.find(zc=zc, timeout=2) if kind in KINDS]
print(json.dumps({"instances": seen, "types": sorted(types)}), flush=True)
if not listener.none.wait(DEADLINE):
    sys.exit(f"still there: {listener.wanted & listener.there}")
print(json.dumps("gone"), flush=True)
zc.close()
