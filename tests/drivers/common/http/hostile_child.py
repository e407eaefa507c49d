"""Run by test_hostile_xml.py in a process of its own: asks for each attack and tells what came of it, a line each.

Each attack has a fork of its own, whose peak of memory begins at what the process has then.
"""

import json
import os
import resource
import sys
import time

from devicemgr.errors import DeviceError
from drivers.common.http.client import Http, Login
from drivers.common.onvif.soap.addresses import Place
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.login import OnvifLogin
from drivers.common.onvif.soap.namespaces import DEVICE
from drivers.hikvision_console.isapi import Isapi


def through_zeep(address, name):
    device = OnvifDevice(Place(f"{address}/{name}/onvif"), OnvifLogin(None, None))
    try:
        return str(device.call(DEVICE, "GetDeviceInformation").Model)
    finally:
        device.close()


def without_schemas(address, name):
    device = OnvifDevice(Place(f"{address}/{name}/onvif"), OnvifLogin(None, None))
    try:
        return device.ask(DEVICE, "GetDeviceInformation").findtext("{*}Model")
    finally:
        device.close()


def hikvision(address, name):
    http = Http(address, Login(None, None), "/challenge")
    try:
        return str(Isapi(http).get(f"/{name}/isapi").get("model"))
    finally:
        http.close()


WAYS = {"zeep": through_zeep, "no schemas": without_schemas, "hikvision": hikvision}


def tried(way, address, name):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        came, error = WAYS[way](address, name), None
    except DeviceError as refusal:
        came, error = None, f"{type(refusal).__name__}: {refusal}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "way": way,
        "attack": name,
        "came": came,
        "error": error,
        "seconds": round(time.monotonic() - began, 3),
        "mib": round((peak - before) / 1024, 1),
    }


def main():
    address, *names = sys.argv[1:]
    for way in WAYS:
        tried(way, address, "good")  # schemas are read once, before any attack
    for way in WAYS:
        for name in names:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writing, json.dumps(tried(way, address, name)).encode())
                os._exit(0)
            os.close(writing)
            with os.fdopen(reading, "rb") as told:
                print(told.read().decode(), flush=True)
            os.waitpid(child, 0)


main()
