"""A device that tries what is not its own, over MQTT 3.1.1 and 5, with Eclipse Paho.

    python intruder.py --port N --id ID --token TOKEN --victim ID

What the broker answers is printed, a JSON object a line.
"""

import argparse
import json
import queue
import sys

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--id", required=True)
parser.add_argument("--token", required=True)
parser.add_argument("--victim", required=True)
options = parser.parse_args()

LIMIT = 60  # seconds for any step
PROTOCOLS = {"3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


def connect(protocol, token, will=None):
    """A client and the broker's answer to its greeting: 0 if it is let in."""
    answers = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=options.id, protocol=PROTOCOLS[protocol])
    client.username_pw_set(options.id, token)
    if will:
        client.will_set(will, "offline", qos=1)
    client.on_connect = lambda c, u, f, code, p: answers.put(code)
    client.connect(options.host, options.port, keepalive=10)
    client.loop_start()
    code = answers.get(timeout=LIMIT)
    return client, code.value


def close(client):
    client.disconnect()
    client.loop_stop()


def subscribe(protocol, topic):
    client, code = connect(protocol, options.token)
    assert code == 0, code
    granted = queue.Queue()
    client.on_subscribe = lambda c, u, mid, codes, p: granted.put([code.value for code in codes])
    client.subscribe(topic, qos=1)
    tell("subscribed", protocol=protocol, topic=topic, codes=granted.get(timeout=LIMIT))
    close(client)


for protocol in PROTOCOLS:
    client, code = connect(protocol, "not the token")
    tell("wrong token", protocol=protocol, code=code)
    client.loop_stop()
    for will in [f"devices/{options.victim}/presence", f"devices/{options.victim}/ota/status", f"devices/{options.id}/ota"]:
        client, code = connect(protocol, options.token, will)
        tell("will", protocol=protocol, topic=will, code=code)
        client.loop_stop()
    for topic in [f"devices/{options.victim}/ota", "devices/+/ota", "devices/#", "#", f"devices/{options.id}/#",
                  f"$share/g/devices/{options.victim}/ota"]:
        subscribe(protocol, topic)
    subscribe(protocol, f"devices/{options.id}/ota")
    client, code = connect(protocol, options.token, f"devices/{options.id}/presence")
    tell("own will", protocol=protocol, code=code)
    for topic in [f"devices/{options.victim}/version", f"devices/{options.victim}/ota", f"devices/{options.id}/ota"]:
        sent = client.publish(topic, "6.6.6", qos=1)
        try:
            sent.wait_for_publish(5)
        except (RuntimeError, ValueError):
            pass
    close(client)
    client, code = connect(protocol, options.token)
    said = client.publish(f"devices/{options.id}/version", "1.0." + str(list(PROTOCOLS).index(protocol)), qos=1)
    said.wait_for_publish(LIMIT)
    close(client)
tell("end")
sys.exit(0)
