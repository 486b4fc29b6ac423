#!/usr/bin/env python3
"""An example of a plugin in Python, with its standard library alone: it lets only peers in whose ids the
option gate-allow names, if any does.

    lightning-cli -k plugin subcommand=start plugin=$PWD/gate.py gate-allow=02...
"""
import json
import sys

allowed = []


def send(message):
    """A message is JSON, and ends with an empty line."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n\n")
    sys.stdout.flush()


def getmanifest(_):
    return {
        "dynamic": True,
        "options": [{"name": "gate-allow", "type": "string", "multi": True, "description": "A peer that may connect"}],
        "rpcmethods": [{"name": "gate-list", "usage": "", "description": "Lists the peers that may connect."}],
        "hooks": ["peer_connected"],
    }


def init(params):
    allowed.extend(params["options"].get("gate-allow", []))
    return {}


def gate_list(_):
    return {"allowed": allowed}


def peer_connected(params):
    if allowed and params["peer"]["id"] not in allowed:
        send({"method": "log", "params": {"level": "info", "message": "refuses " + params["peer"]["id"]}})
        return {"result": "disconnect", "error_message": "this node knows its peers"}
    return {"result": "continue"}


served = {"getmanifest": getmanifest, "init": init, "gate-list": gate_list, "peer_connected": peer_connected}

for line in sys.stdin:  # each message is on a line of its own
    if line.strip():
        request = json.loads(line)
        if "id" in request:
            send({"id": request["id"], "result": served[request["method"]](request.get("params"))})
