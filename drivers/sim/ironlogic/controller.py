"""A Z-5R Web as its protocol describes it: it calls the server, which answers with operations (web-json.pdf).

Nothing is shared with the driver. Until it is activated it sends power_on only; a card is a question to a server that
said that it answers, and is decided by the memory where the server can't be reached.
"""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event, EventLog, Sink
from drivers.sim.base.faults import Plan, obey

CALL_S = 6.0
# `deaf`: operations are carried out and never confirmed; `refuse`: they are confirmed with success 0.
ABLE = ("deaf", "refuse", "lost-answer")


class SimulatedIronlogic:
    """A context manager. Events: call, answer, opened (direction, by), denied, cards, mode."""

    def __init__(
        self, server: str, serial: int = 40646, interval: float = 0.1, *, on_event: Sink | None = None
    ) -> None:
        parts = urlsplit(server)
        if parts.scheme != "http" or not parts.hostname:
            raise InvalidInput(f"{server} is not http://HOST:PORT/PATH of the server")
        self._place, self._path = (parts.hostname, parts.port or 80), parts.path or "/"
        self.serial, self.interval = serial, interval
        self.events = EventLog(on_event)
        self.plan = Plan(self.events, ABLE)
        self.is_active = self.is_online = False
        self.mode = 0
        self.cards: dict[str, dict[str, Any]] = {}
        self.doors: dict[str, int] = {}
        self._confirmations: list[dict[str, Any]] = []
        self._happened: list[dict[str, Any]] = []
        self._ids = iter(range(1000, 1 << 30))
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(CALL_S + 1)

    def card(self, card: str, reader: int = 1) -> bool:
        """Hold a card to a reader; return True if the door opened."""
        if self.is_active and self.is_online:
            question = {"id": next(self._ids), "operation": "check_access", "card": card, "reader": reader}
            answer = self._call([question])
            for message in answer or ():
                if message.get("operation") == "check_access" and message.get("id") == question["id"]:
                    granted = message.get("granted") == 1
                    self._decide(card, reader, granted=granted, by="server")
                    return granted
        self._decide(card, reader, granted=card in self.cards, by="memory")
        return card in self.cards

    def happen(self, code: int, card: str = "000000000000", flag: int = 0, when: datetime | None = None) -> None:
        """Note an event, to be sent with the next call."""
        at = (when or datetime.now()).strftime("%Y-%m-%d %H:%M:%S")
        with self._lock:
            self._happened.append({"event": code, "card": card, "time": at, "flag": flag})

    def obey(self, line: str) -> None:
        """Carry out `card HEX READER`, `event CODE FLAG`, or what faults.obey knows."""
        words = line.split()
        if words[:1] == ["card"] and len(words) in (2, 3):
            self.card(words[1].upper().rjust(12, "0"), int(words[2]) if words[2:] == ["2"] else 1)
        elif words[:1] == ["event"] and len(words) in (2, 3) and all(word.isdigit() for word in words[1:]):
            self.happen(int(words[1]), flag=int(words[2]) if words[2:] else 0)
        else:
            obey(self.plan, line)

    def _decide(self, card: str, reader: int, *, granted: bool, by: str) -> None:
        self.happen((4 if granted else 2) + reader - 1, card)
        if granted:
            self.events.add("opened", direction=reader - 1, by=by)
        else:
            self.events.add("denied", card=card, by=by)

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            with self._lock:
                messages, self._confirmations = self._confirmations, []
                happened = list(self._happened[:20]) if self.is_active else []
            state = {"active": int(self.is_active), "mode": self.mode}
            if not self.is_active:
                messages.append(
                    {
                        "id": next(self._ids),
                        "operation": "power_on",
                        "fw": "3.28",
                        "conn_fw": "1.0.128",
                        **state,
                        "controller_ip": "192.168.7.77",
                    }
                )
            elif happened:
                messages.append({"id": next(self._ids), "operation": "events", "events": happened})
            messages.append({"id": next(self._ids), "operation": "ping", **state})
            self._call(messages)

    def _call(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        body = json.dumps({"type": "Z5RWEB", "sn": self.serial, "messages": messages})
        self.events.add("call", body=body)
        line = http.client.HTTPConnection(*self._place, timeout=CALL_S)
        try:
            line.request("POST", self._path, body, {"Content-Type": "application/json", "User-Agent": "Z5R WEB"})
            answer = line.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
        if answer.status != 200 or self.plan.due("lost-answer"):
            return None
        found = json.loads(text)
        self.events.add("answer", body=text.decode())
        with contextlib.suppress(ValueError, TypeError):
            for message in found["messages"] or ():
                self._do(message)
        return list(found["messages"] or ())

    def _do(self, message: dict[str, Any]) -> None:
        operation = message["operation"]
        with self._lock:
            if operation == "events":
                del self._happened[: message["events_success"]]
                return
            if operation == "check_access":
                return
            succeeded = not self.plan.due("refuse")
            if succeeded:
                self._carry_out(operation, message)
            if not self.plan.due("deaf"):
                self._confirmations.append({"id": message["id"], "success": int(succeeded)})

    def _carry_out(self, operation: str, message: dict[str, Any]) -> None:
        match operation:
            case "set_active":
                self.is_active, self.is_online = message["active"] == 1, message.get("online") == 1
            case "open_door":
                self.happen(8 + message["direction"])
                self.events.add("opened", direction=message["direction"], by="network")
            case "set_mode":
                self.mode = message["mode"]
                self.happen(37, flag=self.mode)
            case "add_cards":
                self.cards |= {card["card"]: card for card in message["cards"]}
            case "del_cards":
                for card in message["cards"]:
                    self.cards.pop(card["card"], None)
            case "clear_cards":
                self.cards.clear()
            case "set_door_params":
                self.doors = {key: message[key] for key in ("open", "open_control", "close_control")}
        self.events.add("did", operation=operation, monotonic_s=time.monotonic())


def print_event(event: Event) -> None:
    """Print what is worth a line."""
    if event["event"] not in ("call", "answer"):
        print_line(event)


def run(controller: SimulatedIronlogic, server: str, faults: Sequence[str]) -> None:
    """Call until SIGTERM or SIGINT; JSON lines out, the first when ready; lines on standard input hold up cards."""
    for fault in faults:
        controller.plan.stand(fault)
    with stop_signals() as stop, controller:
        print_line({"event": "ready", "kind": "ironlogic", "serial": controller.serial, "server": server})
        serve(stop, controller.obey)
