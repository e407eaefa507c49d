"""MQTT in tests: Debian's mosquitto as the broker, paho as a client of another's, and a broker that says nothing."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.support.certificates import self_signed
from tests.support.peers import peer

USER, PASSWORD = "devicemgr", "a broker's password"


class Broker:
    """mosquitto on a free port of loopback, with TLS and a password; `kill` and `start` as often as wanted."""

    def __init__(self, folder: Path, *, names: Sequence[str] = ("localhost",), more: str = "") -> None:
        self._program = peer("mosquitto", "mosquitto")
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.certificate, key = self_signed(folder, names)
        passwords = folder / "passwords"
        passwords.touch(0o600)
        command = [peer("mosquitto_passwd", "mosquitto"), "-b", str(passwords), USER, PASSWORD]
        subprocess.run(command, check=True, capture_output=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"certfile {self.certificate}",
            f"keyfile {key}",
            "allow_anonymous false",
            f"password_file {passwords}",
            "user root",  # else it gives up the right to read this folder
            more,
        ]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / "mosquitto.log").open("ab")
        self.start()

    @property
    def url(self) -> str:
        return f"mqtts://localhost:{self.port}"

    @property
    def ca(self) -> str:
        return self.certificate.read_text()

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Run it, and return when it takes connections."""
        command = [self._program, "-c", str(self._config), "-v"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, self.log
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as kill -9 does: what it kept in memory is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def close(self) -> None:
        self.kill()
        self._log.close()


class Watcher:
    """A client by paho that connects again by itself: `events` as they came, `kept` as it is retained at the broker."""

    def __init__(self, broker: Broker, topics: Sequence[str] = ("#",)) -> None:
        self._topics = topics
        self._changed = threading.Condition()
        self.messages: list[tuple[str, bytes, bool]] = []
        self.kept: dict[str, bytes] = {}
        self.connections = 0
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.tls_set(str(broker.certificate))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect, self._client.on_message = self._on_connect, self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect_async("localhost", broker.port)
        self._client.loop_start()
        self.wait(lambda: self.connections > 0, "a subscription")

    def _on_connect(self, *_: Any) -> None:
        with self._changed:
            self.kept.clear()
        self._client.subscribe([(topic, SubscribeOptions(1, retainAsPublished=True)) for topic in self._topics])

    def _on_subscribe(self, *_: Any) -> None:
        with self._changed:
            self.connections += 1
            self._changed.notify_all()

    def _on_message(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, bytes(message.payload), message.retain))
            if message.retain and message.payload:
                self.kept[message.topic] = bytes(message.payload)
            elif message.retain:
                self.kept.pop(message.topic, None)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
        """Wait until something is so; it is looked at after each message."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"waited in vain for {what}: {self.messages[-20:]}"
            return condition()

    def json(self, topic: str) -> Any:
        """Return what is retained at a topic; None for nothing."""
        payload = self.kept.get(topic)
        return None if payload is None else json.loads(payload)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that came, in their order."""
        return [json.loads(payload) for topic, payload, _ in self.messages if "/event/" in topic]

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1, and return when the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class SilentBroker:
    """A peer on loopback, without TLS: it answers each connection with some bytes, and then with nothing."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"mqtt://localhost:{self.port}"
        self.received: list[bytes] = []
        self.connected = threading.Semaphore(0)
        self._lines: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._lines.append(line)
                threading.Thread(target=self._hold, args=(line,), daemon=True).start()

    def _hold(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.received.append(line.recv(65536))
            line.sendall(self._answer)
            self.connected.release()
            while data := line.recv(65536):
                self.received.append(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._thread.join(10)
        self._listener.close()
        for line in self._lines:
            line.close()


CONNACK = bytes.fromhex("2003000000")
"""CONNACK of MQTT 5: success, no properties."""
