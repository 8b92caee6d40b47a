"""A mail server that accepts everything and writes it down before it says so. Run as a file: `smtpd.py RECORD HOLD`.

Prints its port, and ends when its standard input does. HOLD is how many seconds it thinks about each mail: half of them
before it writes the mail down, or forgets it if the sender is gone by then; half before it says that it has written.
A line with a number on its standard input is another HOLD from then on.
"""

import asyncio
import json
import re
import sys
import time
from typing import TextIO

MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
ADDRESS = re.compile(rb"<([^>]*)>")


class Server:
    def __init__(self, record: TextIO, hold: float):
        self.record, self.hold = record, hold
        self.ended = asyncio.Event()

    def listen(self) -> None:
        line = sys.stdin.readline()
        if line:
            self.hold = float(line)
        else:
            self.ended.set()


class Session(asyncio.Protocol):
    def __init__(self, server: Server):
        self.server = server
        self.buffer, self.recipient, self.in_data = b"", "", False

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self._take(b"\r\n.\r\n" if self.in_data else b"\r\n"):
            pass

    def _take(self, end: bytes) -> bool:
        chunk, found, rest = self.buffer.partition(end)
        if not found:
            return False
        self.buffer = rest
        if self.in_data:
            self._receive(chunk)
        else:
            self._answer(chunk)
        return True

    def _answer(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"RCPT":
            found = ADDRESS.search(line)
            self.recipient = found[1].decode("ascii", "replace") if found else ""
        self.in_data = verb == b"DATA"
        answers = {b"EHLO": b"250-sink\r\n250 8BITMIME", b"DATA": b"354 go on", b"QUIT": b"221 bye"}
        self.transport.write(answers.get(verb, b"250 ok") + b"\r\n")
        if verb == b"QUIT":
            self.transport.close()

    def _receive(self, content: bytes) -> None:
        self.in_data = False
        if hold := self.server.hold:
            asyncio.get_running_loop().call_later(hold / 2, self._keep, content, hold)
        else:
            self._keep(content, hold)

    def _keep(self, content: bytes, hold: float) -> None:
        if self.transport.is_closing():
            return
        found = MESSAGE_ID.search(content)
        mail = {
            "at": time.time(),
            "message_id": found[1].decode("ascii", "replace").strip("<>") if found else "",
            "recipient": self.recipient,
            "content": content.decode("utf-8", "replace"),
        }
        self.server.record.write(json.dumps(mail) + "\n")
        self.server.record.flush()
        if hold:
            asyncio.get_running_loop().call_later(hold / 2, self.transport.write, b"250 kept\r\n")
        else:
            self.transport.write(b"250 kept\r\n")


async def serve(record: TextIO, hold: float) -> None:
    loop = asyncio.get_running_loop()
    server = Server(record, hold)
    listening = await loop.create_server(lambda: Session(server), "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), server.listen)
    await server.ended.wait()


if __name__ == "__main__":
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        asyncio.run(serve(file, float(sys.argv[2])))
