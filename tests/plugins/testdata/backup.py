#!/usr/bin/env python3
"""Follows the database: writes each transaction's version and statements to backup.jsonl, and refuses once the
file `full` is there."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from jsonrpc import answer, requests  # noqa: E402

out = open("backup.jsonl", "a")
for r in requests():
    if r["method"] == "getmanifest":
        answer(r, {"dynamic": False, "options": [], "rpcmethods": [], "hooks": ["db_write"]})
    elif r["method"] == "db_write":
        out.write(json.dumps(r["params"]) + "\n")
        out.flush()
        answer(r, {"result": "fail" if os.path.exists("full") else "continue"})
    else:
        answer(r, {})
