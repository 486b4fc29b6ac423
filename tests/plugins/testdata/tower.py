#!/usr/bin/env python3
"""Keeps penalty transactions, as a plugin for a watchtower does: a line each in tower.jsonl of the node's folder.
Where the file `die` is there, it removes it and ends before it answers."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from jsonrpc import answer, requests  # noqa: E402

for r in requests():
    if r["method"] == "getmanifest":
        answer(r, {"dynamic": True, "options": [], "rpcmethods": [], "hooks": ["commitment_revocation"]})
    elif r["method"] == "commitment_revocation":
        if os.path.exists("die"):
            os.remove("die")
            sys.exit(5)
        with open("tower.jsonl", "a") as out:
            out.write(json.dumps(r["params"]) + "\n")
            out.flush()
            os.fsync(out.fileno())
        answer(r, {"result": "continue"})
    else:
        answer(r, {})
