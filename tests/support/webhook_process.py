"""A receiver of webhooks to be killed: `python webhook_process.py PORT FILE SECRET SEED` writes a line for each event.

It drops requests, delays answers and answers 500 at random. What it takes is in the file before it answers.
"""

import random
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook


class Handler(BaseHTTPRequestHandler):
    """Verifies by another's library."""

    def do_POST(self) -> None:
        """Write `seq id` of what is taken, `REFUSED` for what is not the sender's."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fate = CHANCE.random()
        if fate < 0.03:
            self.connection.close()
            return
        if fate < 0.06:
            time.sleep(0.05)
        try:
            event = Webhook(SECRET).verify(body, dict(self.headers))
        except Exception:
            event = None
        if fate > 0.97 or event is None:
            self.write("FAULT" if event else "REFUSED")
            self.send_response(500 if event else 401)
        else:
            self.write(f"{event['seq']} {self.headers['webhook-id']}")
            self.send_response(204)
        self.end_headers()

    def write(self, line: str) -> None:
        """Append a line, whole or not at all."""
        with open(FILE, "ab", buffering=0) as file:
            file.write(f"{line}\n".encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


if __name__ == "__main__":
    PORT, FILE, SECRET, CHANCE = int(sys.argv[1]), sys.argv[2], sys.argv[3], random.Random(sys.argv[4])
    HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
