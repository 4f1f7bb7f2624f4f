"""Runs the official Python sample against a simulator with TLS: sign-in, topic, schema, subscription, decoding.

SIMULATOR_CERTIFICATE=simulator.pem PYTHONPATH=python/InventoryAppExample:python python3 python_sample.py [URL]
Run it in a clone of forcedotcom/pub-sub-api; see "Clients" in the README.
"""
import os
import sys
import threading
import time
import types

import avro.schema
import certifi
import requests

certificate = os.environ["SIMULATOR_CERTIFICATE"]
url = sys.argv[1] if len(sys.argv) > 1 else "https://127.0.0.1:8080"
simulator = requests.get(f"{url}/simulator", verify=certificate).json()
host, port = simulator["pubsubEndpoint"].rsplit(":", 1)
settings = {
    "url": url,
    "username": simulator["credentials"]["username"],
    "password": simulator["credentials"]["password"],
    "grpcHost": host,
    "grpcPort": port,
}

# The sample trusts the authorities of certifi, and reads its settings by a module that is not in its repository.
certifi.where = lambda: certificate
os.environ["REQUESTS_CA_BUNDLE"] = certificate
settings_module = types.ModuleType("utils.ClientUtil")
settings_module.load_properties = lambda path: settings
sys.modules["utils"] = types.ModuleType("utils")
sys.modules["utils.ClientUtil"] = settings_module

from PubSub import PubSub  # noqa: E402
from util.ChangeEventHeaderUtility import process_bitmap  # noqa: E402

TOPIC = "/data/AccountChangeEvent"


def subscribe(preset, replay_id, count, before=None):
    """Receives this number of events of a new subscription, as (replay id, change type, changed fields)."""
    client = PubSub({})
    client.auth()
    assert client.get_topic(TOPIC).can_subscribe
    received = []
    if before:
        threading.Timer(1, before, [client]).start()

    def on_response(response, pubsub):
        for each in response.events:
            schema = pubsub.get_schema_json(each.event.schema_id)
            header = pubsub.decode(schema, each.event.payload)["ChangeEventHeader"]
            changed = process_bitmap(avro.schema.parse(schema), header["changedFields"])
            received.append((each.replay_id.hex(), header["changeType"], sorted(changed)))
        if len(received) >= count:
            raise StopIteration

    try:
        client.subscribe(TOPIC, preset, replay_id, count, on_response)
    except StopIteration:
        return received


def change_account(client):
    accounts = f"{client.url}/services/data/v57.0/sobjects/Account"
    headers = {"Authorization": f"Bearer {client.session_id}"}
    account = {"Name": "Ada", "BillingCity": "Paris"}
    created = requests.post(accounts, json=account, headers=headers, verify=certificate).json()
    change = {"BillingCity": "Rome", "Phone": "1"}
    requests.patch(f"{accounts}/{created['id']}", json=change, headers=headers, verify=certificate)


created, updated = subscribe("LATEST", "", 2, change_account)
assert created[1:] == ("CREATE", []), created
assert updated[1:] == ("UPDATE", ["BillingAddress.City", "LastModifiedDate", "Phone"]), updated
assert subscribe("EARLIEST", "", 1)[0][1] == "CREATE"
assert subscribe("CUSTOM", created[0], 1) == [updated]
print("The sample signed in, subscribed, resumed and decoded.")
os._exit(0)
