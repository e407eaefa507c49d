"""Run by test_two_hundred.py, two processes: `sims N` serves cameras, `watch ADDRESS…` connects and supervises them."""

import json
import os
import resource
import sys
import threading
import time
from collections import Counter
from pathlib import Path

REST_SECONDS = 20.0


def sims(count):
    from drivers.sim.onvif.simulator import SimulatedOnvif

    made = [SimulatedOnvif().start() for _ in range(count)]
    print(json.dumps([sim.address for sim in made]), flush=True)
    sys.stdin.read()


def mebibytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def schema_cost(count):
    """Milliseconds and MiB that the schemas take for each further camera."""
    from drivers.common.onvif.soap.addresses import Place
    from drivers.common.onvif.soap.client import OnvifDevice
    from drivers.common.onvif.soap.login import OnvifLogin
    from drivers.common.onvif.soap.namespaces import DEVICE, MEDIA

    held = []
    before, began = mebibytes(), time.monotonic()
    for _ in range(count):
        device = OnvifDevice(Place("http://127.0.0.1:1/onvif"), OnvifLogin(None, None))
        for namespace in (DEVICE, MEDIA):
            device._client(namespace)
        held.append(device)
    return (time.monotonic() - began) * 1000 / count, (mebibytes() - before) / count


def watch(addresses):
    from devicemgr.devices.supervisor import Health, Listener, Supervisor
    from devicemgr.domain.model import DeviceConfig
    from drivers import Catalog
    from drivers.common.onvif.soap import wsdl

    loads, real = Counter(), wsdl.Document

    def counted(path, *more, **settings):
        loads[Path(path).name] += 1
        return real(path, *more, **settings)

    wsdl.Document = counted
    online, lost, changed = set(), [], threading.Condition()

    def on_state(state):
        with changed:
            if state.health is Health.ONLINE:
                online.add(state.name)
            else:
                lost.append((state.name, str(state.health), state.cause))
            changed.notify_all()

    def until(count):
        with changed:
            assert changed.wait_for(lambda: len(online) >= count, 120), (len(online), lost[:3])

    configs = [
        DeviceConfig(str(place), f"cam-{place}", "onvif_camera", address, "admin", "admin", {})
        for place, address in enumerate(addresses)
    ]
    supervisor = Supervisor(Catalog(), Listener(lambda *_: None, on_state))
    began = time.monotonic()
    supervisor.set_devices(configs[:1])
    until(1)
    cold = time.monotonic() - began
    one = mebibytes()
    began = time.monotonic()
    supervisor.set_devices(configs)
    until(len(configs))
    connected = time.monotonic() - began
    per_camera = (mebibytes() - one) / max(len(configs) - 1, 1)
    time.sleep(5.0)
    used, began = cpu(), time.monotonic()
    time.sleep(REST_SECONDS)
    core = (cpu() - used) / (time.monotonic() - began) * 100
    states = Counter(str(state.health) for state in supervisor.states())
    supervisor.stop(10)
    schema_ms, schema_mib = schema_cost(200)
    print(
        json.dumps(
            {
                "cold_s": round(cold, 2),
                "connected_s": round(connected, 2),
                "mib_per_camera": round(per_camera, 3),
                "core_percent_at_rest": round(core, 1),
                "schema_ms": round(schema_ms, 2),
                "schema_mib": round(schema_mib, 3),
                "states": states,
                "loads": loads,
                "lost": lost[:5],
            }
        )
    )


if sys.argv[1] == "sims":
    sims(int(sys.argv[2]))
else:
    watch(json.load(sys.stdin))
