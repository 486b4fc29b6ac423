#!/usr/bin/env python3
"""A plugin that does nothing."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from jsonrpc import answer, requests  # noqa: E402

for r in requests():
    if r["method"] == "getmanifest":
        answer(r, {"dynamic": True, "options": [], "rpcmethods": []})
    elif r["method"] == "init":
        answer(r, {})
