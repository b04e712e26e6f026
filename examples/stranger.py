#!/usr/bin/env python3
"""A stranger's client, written from docs/protocol.md alone. Needs Python 3.10 and the package `msgpack`.

    stranger.py HOST:PORT [--token T] [--ca FILE]

Places a call twice under one key, assigns it as an operator, acknowledges it as the unit STRANGER-1, and sees the
acknowledgement arrive. Prints `ok: ...` and exits 0; exits 1 with a line that says what was otherwise.
"""
import argparse
import socket
import ssl
import struct
import sys
import time
import uuid

import msgpack

STEP_SECONDS = 10  # longest wait for any one answer or push


class Deviation(Exception):
    """The server did something that the document does not say."""


class Session:
    """One connection: frames, handshake, heartbeats, answers by id, pushes kept in order."""

    def __init__(self, address, role, who, token, ca):
        host, port = address.rsplit(":", 1)
        self.who, self.ids, self.unread, self.inbox, self.heartbeat = f"{role} {who}", 0, b"", [], STEP_SECONDS
        host = host.strip("[]")
        self.socket = socket.create_connection((host, int(port)), STEP_SECONDS)
        if ca:
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname=host)
        secret = {"token": token} if token else {}
        self.send({"type": "hello", "version": 1, "role": role, "who": who} | secret)
        welcome = self.receive(time.monotonic() + STEP_SECONDS, "a welcome")
        self.expect(welcome["type"] == "welcome", f"hello was answered with {welcome}")
        self.heartbeat = welcome["heartbeat_ms"] / 1000

    def expect(self, truth, otherwise):
        if not truth:
            raise Deviation(f"{self.who}: {otherwise}")

    def send(self, message):
        body = msgpack.packb(message)
        self.socket.settimeout(STEP_SECONDS)
        self.socket.sendall(struct.pack(">I", len(body)) + body)
        self.spoke = time.monotonic()

    def frame(self):
        """The next whole frame among the bytes read so far, or None."""
        if len(self.unread) < 4:
            return None
        (length,) = struct.unpack_from(">I", self.unread)
        self.expect(0 < length <= 1_048_576, f"a frame of {length} bytes")
        if len(self.unread) < 4 + length:
            return None
        body, self.unread = self.unread[4 : 4 + length], self.unread[4 + length :]
        return msgpack.unpackb(body)

    def receive(self, deadline, what):
        """The next message that is no heartbeat."""
        while True:
            while (message := self.frame()) is None:
                now = time.monotonic()
                self.expect(now < deadline, f"{what} did not come within {STEP_SECONDS} s")
                if now >= self.spoke + self.heartbeat:
                    self.send({"type": "ping"})
                self.socket.settimeout(max(min(deadline, self.spoke + self.heartbeat) - now, 0.001))
                try:
                    more = self.socket.recv(65536)
                except TimeoutError:
                    continue
                self.expect(more, "the server closed the connection")
                self.unread += more
            if message["type"] == "ping":
                self.send({"type": "pong", "id": message.get("id")})
            elif message["type"] in ("refused", "dropped"):
                raise Deviation(f"{self.who}: {message['type']} ({message['code']}): {message['text']}")
            elif message["type"] != "pong":
                return message

    def ask(self, request, key=None, **fields):
        """Sends a request and gives its reply; pushes that come meanwhile wait in the inbox."""
        self.ids += 1
        self.send({"type": request, "id": self.ids, "key": key or uuid.uuid4().bytes} | fields)
        deadline = time.monotonic() + STEP_SECONDS
        while True:
            message = self.receive(deadline, f"the answer to {request}")
            if message["type"] in ("reply", "rejection") and message["id"] == self.ids:
                self.expect(message["type"] == "reply", f"{request} was rejected: {message}")
                return message
            self.inbox.append(message)

    def wait_for(self, what, wanted):
        """The first message, waiting already or still to come, that is wanted."""
        deadline = time.monotonic() + STEP_SECONDS
        while True:
            message = self.inbox.pop(0) if self.inbox else self.receive(deadline, what)
            if wanted(message):
                return message

    def subscribe(self):
        """Subscribes and gives the calls of the whole snapshot, by id."""
        body = self.ask("subscribe")["body"]
        self.expect(body["type"] == "subscribed" and not body["resumed"], f"subscribe brought {body}")
        calls, part, parts = {}, 0, 1
        while part < parts:
            page = self.wait_for("a snapshot page", lambda m: m["type"] == "snapshot")
            self.expect(page["part"] == part + 1, f"page {page['part']} came after page {part}")
            part, parts = page["part"], page["parts"]
            calls.update((call["call"], call) for call in page.get("calls") or [])
        return calls


def main(address, token, ca):
    intake = Session(address, "intake", "stranger", token, ca)
    key = uuid.uuid4().bytes
    wanted = {"source": "app", "district": "Stranger", "kind": "assault", "note": "a stranger's call", "test": True}
    first = intake.ask("place_call", key=key, **wanted)
    intake.expect(first["body"]["type"] == "call_placed", f"place_call brought {first}")
    intake.expect(not first["repeated"], "the first placing was called a repeat")
    call = first["body"]["call"]
    again = intake.ask("place_call", key=key, **wanted)
    intake.expect(again["body"]["call"] == call and again["repeated"], f"the same key brought {again}")
    intake.socket.close()

    operator = Session(address, "operator", "stranger", token, ca)
    operator.expect(call in operator.subscribe(), f"call {call} is not in the snapshot")
    unit = Session(address, "unit", "STRANGER-1", token, ca)
    unit.ask("sign_on", unit="STRANGER-1", district="Stranger", crew=["a stranger"], skills=[])
    unit.subscribe()
    operator.ask("assign_unit", call=call, unit="STRANGER-1")
    sent = unit.wait_for("the assignment", lambda m: (m.get("assignment") or {}).get("call") == call)
    unit.expect(sent["assignment"].get("note") == wanted["note"], "the assignment does not carry the call's note")
    unit.ask("report_status", call=call, status="acknowledged")
    stage = lambda m: (m.get("call") or {}).get("call") == call and m["call"]["stage"]
    seen = operator.wait_for("the acknowledgement", lambda m: stage(m) == "acknowledged")
    operator.expect(wanted["note"] not in str(seen), "a push to an operator carries the caller's note")
    print(f"ok: call {call} acknowledged by STRANGER-1")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("address", metavar="HOST:PORT")
    arguments.add_argument("--token", help="the roles' secret, where the server wants one")
    arguments.add_argument("--ca", help="speak TLS, with a server of this authority (PEM)")
    given = arguments.parse_args()
    try:
        main(given.address, given.token, given.ca)
    except (Deviation, OSError, KeyError, ValueError) as why:
        sys.exit(f"not ok: {type(why).__name__}: {why}")
