#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on loopback that answers as Hugging Face's does, and misbehaves when asked to.

    hub.py FOLDER OTHER LOG      prints its port, and serves until its standard input ends

The first part of an address's path names the behaviour: http://127.0.0.1:PORT/cut is the address of a hub that breaks off. Every repository holds
the model in FOLDER; with "other", the one in OTHER. Each request is written to LOG as one line of JSON.
"""
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time

FOLDER, OTHER, LOG = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), open(sys.argv[3], "a", encoding="utf-8")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 100_000
lock = threading.Lock()
seen = {}


def content(behaviour, name):
    path = (OTHER if behaviour == "other" else FOLDER) / name
    if name not in ("model.safetensors", "config.json", "vocab.json", "merges.txt") or not path.is_file():
        return None
    data = path.read_bytes()
    if behaviour == "nan" and name == "model.safetensors":
        start = 8 + int.from_bytes(data[:8], "little")
        data = data[:start] + b"\xff" * 8 + data[start + 8:]
    return data


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def times(self, what):
        with lock:
            seen[what] = seen.get(what, 0) + 1
            return seen[what]

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        with lock:
            LOG.write(json.dumps({"method": self.command, "path": self.path, "range": self.headers["Range"],
                                  "if_range": self.headers["If-Range"]}) + "\n")
            LOG.flush()
        parts = self.path.strip("/").split("/")
        if parts[0] in ("cdn", "cache"):
            self.bytes_of(parts[0], parts[1], parts[-1])
        elif len(parts) == 6 and parts[3] == "resolve":
            self.resolve(parts[0], parts[4], parts[5])
        else:
            self.answer(404, {})

    def resolve(self, behaviour, revision, name):
        data = content(behaviour, name)
        if behaviour == "login":
            self.answer(401, {})
        elif behaviour == "busy" and self.times("busy") == 1:
            self.answer(503, {"Retry-After": 1})
        elif behaviour == "loop":
            self.answer(302, {"Location": self.path})
        elif behaviour == "file":
            self.answer(302, {"Location": "file:///etc/hostname"})
        elif data is None or behaviour == "missing" or (behaviour == "revision" and revision == "main"):
            self.answer(404, {"X-Error-Code": "EntryNotFound"})
        elif name == "model.safetensors":
            size = len(data) + {"states-less": -100, "states-more": 100}.get(behaviour, 0)
            headers = {"X-Linked-Size": size, "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT,
                       "Location": f"http://127.0.0.1:{self.server.server_port}/cdn/{behaviour}/{name}"}
            if behaviour == "no-hash":
                del headers["X-Linked-Etag"], headers["X-Linked-Size"]
            self.answer(302, headers)
        else:
            self.answer(307, {"Location": f"/cache/{behaviour}/{name}", "X-Repo-Commit": COMMIT})

    def bytes_of(self, place, behaviour, name):
        data = content(behaviour, name)
        if place == "cache":
            etag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if behaviour == "wrong-small" and self.command == "GET" and name == "config.json":
                data = data.replace(b"clip", b"clop", 1)
            self.answer(200, {"ETag": f'"{etag}"'}, data)
            return
        count = self.times(f"{behaviour} {name}")
        headers = {"ETag": '"' + ("another" if behaviour == "no-hash" else hashlib.md5(data).hexdigest()) + '"', "Accept-Ranges": "bytes"}
        wanted = self.headers["Range"] if self.headers["If-Range"] in (None, headers["ETag"]) else None
        start, status = 0, 200
        if wanted and behaviour != "no-range":
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            if behaviour == "wrong-range" and count == 2:
                start += 7
            if start >= len(data):
                self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if behaviour == "wrong-byte":
            data = data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]
        body = data[start:]
        if behaviour == "more":
            headers["Transfer-Encoding"] = "chunked"
            self.answer(status, headers, b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body, b"x" * 1000)) + b"0\r\n\r\n")
            return
        headers["Content-Length"] = len(body) + (10 if behaviour == "longer" else 0)
        self.answer(status, headers)
        if self.command == "HEAD":
            return
        if behaviour == "cut" or (behaviour in ("no-range", "wrong-range") and count == 1):
            body = body[:CHUNK]
        for begin in range(0, len(body), CHUNK // 2):
            self.wfile.write(body[begin:begin + CHUNK // 2])
            if behaviour == "slow":
                time.sleep(0.15)
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes away is what the tests are about."""


server = Server(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
