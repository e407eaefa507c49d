"""Devices that call this computer and take their commands from the answers."""

import contextlib
import http.client
import json
import socket
import threading
from datetime import datetime

from tests.contract.peers.base import COMMAND, READING, Peer, Unknown, wait_until


def free_port() -> int:
    """Return a TCP port of this computer that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        return int(line.getsockname()[1])


class Caller(Peer):
    """Calls `push_port` again and again until it is silent or closed."""

    address = "http://127.0.0.1"

    def __init__(self, pause_s: float = 0.1) -> None:
        super().__init__()
        self.port, self._pause_s = free_port(), pause_s
        self._ended, self._calling = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._pause_s):
            with self._calling, contextlib.suppress(OSError, http.client.HTTPException):
                if not self.swallows():  # a call that it would have made, and did not
                    self.call()

    def fall_silent(self) -> None:
        """Make no more calls; the one that is under way ends first."""
        with self._calling:
            super().fall_silent()

    def call(self) -> None:
        """Make the next call, and do as the answer says."""
        raise NotImplementedError

    def request(self, method: str, target: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """Return status and body of an answer."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, target, body, {"Content-Type": kind})
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)


class IronlogicPeer(Caller):
    """A Z-5R Web: messages of IronLogic's web-json.pdf; its answers to commands know success 1 and 0 and no "busy"."""

    without = {
        READING: "nothing is read from it: it reports its state with each call that it makes",
        COMMAND: "the protocol has success 1 and 0 and knows no answer that means not now",
    }
    unseen = {"fire_input": True}
    missing, reported = "fire_input", "so far only 20"

    def __init__(self) -> None:
        super().__init__()
        self.options = {"serial": 40646, "push_port": self.port, "interval": 1}
        self._number, self._is_active = 1000, False
        self._due: list[dict] = []
        self._events = [self._event(20)]

    def hurry(self, patch) -> None:
        patch.setattr("drivers.ironlogic_controller.controller.FIRST_CALL_S", 3.0)
        patch.setattr("drivers.ironlogic_controller.controller.MIN_SILENT_S", 2.0)
        patch.setattr("drivers.ironlogic_controller.controller.FIRST_REPORT_S", 1.0)

    @staticmethod
    def _event(code: int, card: str = "000000000000") -> dict:
        return {"event": code, "card": card, "time": datetime.now().strftime("%Y-%m-%d %H:%M:%S"), "flag": 0}

    def call(self) -> None:
        with self.lock:
            self._number += 1
            messages, self._due = self._due, []
            if self._events and self._is_active:
                messages.append({"id": self._number + 500_000, "operation": "events", "events": self._events})
            operation = "ping" if self._is_active else "power_on"
            messages.append(
                {"id": self._number, "operation": operation, "fw": "3.28", "conn_fw": "1.0.128", "mode": 0}
                | {"active": int(self._is_active), "controller_ip": "192.168.0.222"}
            )
        body = json.dumps({"type": "Z5RWEB", "sn": 40646, "messages": messages})
        status, answer = self.request("POST", "/", body.encode())
        if status != 200:
            return
        with self.lock:
            for message in json.loads(answer)["messages"]:
                self._obey(message)

    def _obey(self, message: dict) -> None:
        operation = message["operation"]
        if operation == "events":
            del self._events[: message["events_success"]]
            return
        if operation == "set_active":
            self._is_active = message["active"] == 1
            self.sessions += 1
        if operation == "open_door":
            self.opened += 1
        self._due.append({"id": message["id"], "success": 1})

    def send_unknown(self) -> list[Unknown]:
        """As the appendix of codes ends before 60; facility 141, number 22306 as in its example of a card."""
        with self.lock:
            self._events += [self._event(70, "0000008D5722"), self._event(73)]
        return [Unknown("event 70", card="9262882"), Unknown("event 73")]


class ZktecoTerminalPeer(Caller):
    """A terminal by ZKTeco's Security PUSH Communication Protocol (September 2021), protocol 3.0.1.

    Its "not now" is appendix 1: results -1 (not sent on), -3 (buffer full) and -604 (no memory) of a command.
    """

    SN = "3383154200002"
    without = {READING: "nothing is read from it but by commands, whose refusals the busy release shows"}
    unseen = {"doors": 2}
    missing, reported = "doors says 2", "it has 1 doors"
    _BUSY = (-1, -3, -604)

    def __init__(self) -> None:
        super().__init__()
        self.options = {"serial": self.SN, "push_port": self.port}
        self._is_registered = False
        self._index = 20

    def hurry(self, patch) -> None:
        patch.setattr("drivers.zkteco_terminal.device.SILENCE_S", 2.0)
        patch.setattr("drivers.zkteco_terminal.device.CALL_S", 2.0)

    def _post(self, page: str, body: bytes = b"", more: str = "") -> bytes:
        status, answer = self.request("POST", f"/iclock/{page}?SN={self.SN}{more}", body, "application/push")
        return answer if status == 200 else b""

    def call(self) -> None:
        if not self._is_registered:
            body = b"DeviceType=acc,~DeviceName=F20/M,FirmVer=Ver 8.0.1.3-20151229,LockCount=1,~MaxUserCount=50"
            self.request("GET", f"/iclock/cdata?SN={self.SN}&pushver=3.0.1&options=all")
            self._is_registered = self._post("registry", body).startswith(b"RegistryCode=")
            self._post("push")
            self.sessions += 1
        status, answer = self.request("GET", f"/iclock/getrequest?SN={self.SN}")
        for line in answer.decode().split("\n") if status == 200 else []:
            if line.startswith("C:"):
                _, number, text = line.split(":", 2)
                self._obey(number, text)

    def _obey(self, number: str, text: str) -> None:
        result = 0
        if text.startswith("DATA QUERY tablename=timezone"):
            row = "\t".join(["timezone timezoneid=1", *(f"{day}time1=2359" for day in DAYS)])
            result = 1
            self._post("querydata", row.encode(), f"&type=tabledata&cmdid={number}&tablename=timezone&count=1")
        elif text.startswith("CONTROL DEVICE 01"):
            if self.is_busy_for(COMMAND):
                result = self._BUSY[self.refused % len(self._BUSY)]
            else:
                self.opened += 1
        self._post("devicecmd", f"ID={number}&Return={result}&CMD={' '.join(text.split()[:2])}\n".encode())

    def send_unknown(self) -> list[Unknown]:
        """7.2, with events 46 and 300, which appendix 2 leaves out; the first of person 1001 by face."""
        for pin, code in (("1001", 46), ("0", 300)):
            self._index += 1
            body = (
                f"time={datetime.now():%Y-%m-%d %H:%M:%S}\tpin={pin}\tcardno=0\teventaddr=1\tevent={code}\t"
                f"inoutstatus=0\tverifytype=15\tindex={self._index}"
            ).encode()
            wait_until(lambda body=body: self._post("cdata", body, "&table=rtlog"))
        return [Unknown("event 46", badge="1001"), Unknown("event 300")]


DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
