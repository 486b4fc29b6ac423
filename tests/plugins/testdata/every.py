#!/usr/bin/env python3
"""Takes part in every hook but db_write, subscribes to everything, and writes it all to every.jsonl in the
node's folder. The command `every-set HOOK ANSWER` says how it answers a hook from then on; an answer of null
is silence until `every-release HOOK`."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from jsonrpc import answer, log, requests  # noqa: E402

HOOKS = [
    "openchannel", "openchannel2", "openchannel2_changed", "openchannel2_sign", "rbf_channel", "peer_connected", "htlc_accepted",
    "invoice_payment", "custommsg", "onion_message_recv", "onion_message_recv_secret", "commitment_revocation", "recover",
    {"name": "rpc_command", "filters": ["parsefeerate", "decode"]},
]
answers = {}
held = {}
out = None


def record(kind, name, params):
    out.write(json.dumps({"kind": kind, "name": name, "params": params}) + "\n")
    out.flush()


for r in requests():
    name, params = r["method"], r.get("params")
    if name == "getmanifest":
        answer(r, {
            "dynamic": True, "nonnumericids": True, "hooks": HOOKS, "subscriptions": ["*", "shutdown"], "custommessages": [40000],
            "notifications": [{"method": "every-topic"}],
            "options": [
                {"name": "every-text", "type": "string", "default": "text", "description": "a text"},
                {"name": "every-number", "type": "int", "default": 7, "description": "a number"},
                {"name": "every-bool", "type": "bool", "default": True, "description": "yes or no"},
                {"name": "every-flag", "type": "flag", "description": "there or not"},
                {"name": "every-list", "type": "string", "multi": True, "description": "several"},
            ],
            "rpcmethods": [
                {"name": "every-set", "usage": "hook answer", "description": "sets an answer"},
                {"name": "every-release", "usage": "hook", "description": "answers what is held"},
                {"name": "every-options", "usage": "", "description": "shows the options"},
                {"name": "every-emit", "usage": "", "description": "sends every-topic"},
                {"name": "every-work", "usage": "", "description": "tells how far it is"},
                {"name": "every-old", "usage": "", "description": "is deprecated", "deprecated": True},
            ],
        })
    elif name == "init":
        options = params["options"]
        out = open(os.path.join(params["configuration"]["lightning-dir"], "every.jsonl"), "a")
        answer(r, {})
    elif name == "every-set":
        answers[params[0]] = params[1]
        answer(r, {})
    elif name == "every-release":
        for h in held.pop(params[0], []):
            answer(h, answers[params[0]] or {"result": "continue"})
        answer(r, {})
    elif name == "every-old":
        answer(r, {})
    elif name == "every-options":
        answer(r, options)
    elif name == "every-emit":
        print(json.dumps({"jsonrpc": "2.0", "method": "every-topic", "params": {"a": 1}}))
        answer(r, {})
    elif name == "every-work":
        print(json.dumps({"jsonrpc": "2.0", "method": "message", "params": {"id": r["id"], "level": "info", "message": "begins"}}))
        print(json.dumps({"jsonrpc": "2.0", "method": "progress", "params": {"id": r["id"], "num": 0, "total": 2}}))
        answer(r, {"id": r["id"]})
    elif "id" in r:
        record("hook", name, params)
        if name in answers and answers[name] is None:
            held.setdefault(name, []).append(r)
        else:
            answer(r, answers.get(name, {"result": "continue"}))
    else:
        record("notification", name, r)
        if name == "shutdown":
            sys.exit(0)
        if name == "connect":
            log("somebody is here")
