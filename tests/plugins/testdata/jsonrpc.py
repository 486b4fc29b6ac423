"""The plugin protocol with Python's standard library alone, for the plugins of these tests."""
import json
import sys


def send(message):
    sys.stdout.write(json.dumps(message) + "\n\n")
    sys.stdout.flush()


def answer(request, result):
    send({"jsonrpc": "2.0", "id": request["id"], "result": result})


def fail(request, code, message):
    send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}})


def log(message, level="info"):
    send({"jsonrpc": "2.0", "method": "log", "params": {"level": level, "message": message}})


def requests():
    """Yields what lightningd sends: objects, each on a line of its own."""
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)
