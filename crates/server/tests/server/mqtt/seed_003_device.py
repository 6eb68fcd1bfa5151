"""A device as seed 003 documents it, written from that document alone: Eclipse Paho for MQTT, plain HTTP for the image.

    python seed_003_device.py --port N --id ID --token TOKEN --version V [options]

It subscribes to devices/ID/ota, says its version on devices/ID/version, waits for a payload that is a URL and nothing
else, fetches it without credentials, says what came of it on devices/ID/ota/status, and after its reboot says its new
version. What happens is printed, a JSON object a line.

    --new-version V     what it runs after a good update
    --cut BYTES         the network is lost after so many bytes: the old firmware stays
    --ca FILE           TLS, trusting this
"""

import argparse
import hashlib
import http.client
import json
import queue
import sys
import urllib.parse

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--id", required=True)
parser.add_argument("--token", required=True)
parser.add_argument("--version", required=True)
parser.add_argument("--new-version")
parser.add_argument("--cut", type=int)
parser.add_argument("--ca")
options = parser.parse_args()

LIMIT = 60  # seconds for any step


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


def connect(version):
    """From power-on to having said the version."""
    orders = queue.Queue()
    subscribed = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="ESP32-" + options.id, protocol=mqtt.MQTTv311)
    client.username_pw_set(options.id, options.token)
    if options.ca:
        client.tls_set(ca_certs=options.ca)
    client.on_connect = lambda c, u, f, code, p: (
        c.subscribe(f"devices/{options.id}/ota", qos=1) if code == 0 else tell("refused", code=str(code))
    )
    client.on_subscribe = lambda c, u, mid, codes, p: subscribed.put([code.value for code in codes])
    client.on_message = lambda c, u, message: orders.put(message)
    client.connect(options.host, options.port, keepalive=10)
    client.loop_start()
    tell("subscribed", granted=subscribed.get(timeout=LIMIT))
    say(client, "version", version)
    return client, orders


def say(client, what, payload):
    client.publish(f"devices/{options.id}/{what}", payload, qos=1).wait_for_publish(LIMIT)
    tell("said", topic=what, payload=payload)


def fetch(url):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=LIMIT)
    target = parts.path + ("?" + parts.query if parts.query else "")
    connection.request("GET", target, headers={"User-Agent": "ESP32 HTTP Client/1.0"})
    response = connection.getresponse()
    body = response.read(options.cut) if options.cut else response.read()
    length = int(response.headers["Content-Length"])
    connection.close()
    tell("fetched", status=response.status, length=length, read=len(body), sha256=hashlib.sha256(body).hexdigest(),
         target_length=len(target))
    return response.status == 200 and len(body) == length


client, orders = connect(options.version)
order = orders.get(timeout=LIMIT)
tell("ordered", topic=order.topic, payload=order.payload.decode(), retained=order.retain)
if fetch(order.payload.decode()):
    say(client, "ota/status", "SUCCESS")
    client.disconnect()
    client.loop_stop()
    if options.new_version:
        client, orders = connect(options.new_version)
        client.disconnect()
        client.loop_stop()
else:
    say(client, "ota/status", "FAILED")
    client.disconnect()
    client.loop_stop()
tell("end", told_again=orders.qsize())
sys.exit(0)
