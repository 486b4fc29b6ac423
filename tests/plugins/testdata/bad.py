#!/usr/bin/env python3
"""A plugin that misbehaves as the ending of its file's name says: tests call it by links."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from jsonrpc import answer, requests, send  # noqa: E402

how = os.path.basename(sys.argv[0]).removeprefix("bad-")
manifest = {"dynamic": True, "options": [], "rpcmethods": [{"name": "bad-call", "usage": "", "description": "d"}]}
if how == "option":
    manifest["options"] = [{"name": "x", "type": "colour", "description": "d"}]
elif how == "name":
    manifest["rpcmethods"] = [{"name": "getinfo", "usage": "", "description": "d"}]
elif how == "hook":
    manifest["hooks"] = ["no_such_hook"]
elif how == "garbage":
    print("this is no JSON")
    sys.stdout.flush()
elif how == "exits":
    sys.exit(3)
elif how == "manifest":
    manifest = ["not", "an", "object"]
elif how == "empty":
    manifest = None
elif how == "static":
    manifest["dynamic"] = False
elif how == "silent":
    sys.stdin.read()
for r in requests():
    if r["method"] == "getmanifest":
        answer(r, manifest)
    elif r["method"] == "init":
        answer(r, {"disable": "not today"} if how == "disable" else {})
    elif how == "dies":
        sys.exit(4)
    elif how == "floods":
        while True:
            send({"jsonrpc": "2.0", "method": "log", "params": {"level": "debug", "message": "x"}})
