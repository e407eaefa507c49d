"""Documents of the simulated Hikvision terminal."""

import json
import re
from collections.abc import Sequence
from typing import Any

from drivers.sim.hikvision.refusals import Reply
from drivers.sim.hikvision.state import Json, Stored

MAX_PAGE = 30


def event_json(event: Stored) -> Json:
    """Build an item of InfoList."""
    return {
        "major": event.major,
        "minor": event.minor,
        "time": event.at.isoformat(timespec="seconds"),
        "serialNo": event.serial,
        "cardReaderNo": 1,
        "doorNo": 1,
        "cardNo": "",
        "name": "",
        "employeeNoString": "",
        **event.fields,
    }


def alert_json(event: Stored, extra: Json) -> bytes:
    """Build the same event in the form of the alert stream."""
    fields = event_json(event)
    inner = {key: value for key, value in fields.items() if key not in ("major", "minor", "time")}
    return json.dumps(
        {
            "ipAddress": "192.0.2.64",
            "portNo": 80,
            "protocol": "HTTP",
            "macAddress": "00:00:5e:00:53:01",
            "channelID": 1,
            "dateTime": fields["time"],
            "activePostCount": 1,
            "eventType": "AccessControllerEvent",
            "eventState": "active",
            "eventDescription": "Access Controller Event",
            "shortSerialNumber": "SIM0001",
            "AccessControllerEvent": {
                "deviceName": "Simulated",
                "majorEventType": event.major,
                "subEventType": event.minor,
                **inner,
                "verifyNo": 1,
                "userType": "normal",
                "attendanceStatus": "undefined",
                "statusValue": 0,
                "mask": "no",
                "picturesNumber": 1,
                **extra,
            },
        },
        ensure_ascii=False,
    ).encode()


def _page(condition: Json, every: Sequence[Any]) -> Sequence[Any]:
    start = condition["searchResultPosition"]
    return every[start : start + min(condition["maxResults"], MAX_PAGE)]


def _found(name: str, rows: str, condition: Json, found: Sequence[Json], total: int) -> Reply:
    more = condition["searchResultPosition"] + len(found) < total
    answer: Json = {
        "searchID": condition["searchID"],
        "totalMatches": total,
        "numOfMatches": len(found),
        "responseStatusStrg": "NO MATCH" if not found else "MORE" if more else "OK",
    }
    return _json({name: answer | ({rows: list(found)} if found else {})})


def _form(body: bytes) -> tuple[Json, bytes]:
    boundary = body[: body.index(b"\r\n")]
    parts = [part.split(b"\r\n\r\n", 1) for part in body.split(boundary)[1:-1]]
    by_name = {
        found[1].decode(): data.removesuffix(b"\r\n")
        for head, data in parts
        if (found := re.search(rb'name="([A-Za-z]+)"', head))
    }
    return json.loads(by_name["FaceDataRecord"]), by_name.get("FaceImage") or by_name["img"]


def _json(value: Json) -> Reply:
    return Reply(200, json.dumps(value, ensure_ascii=False).encode())


def _xml(text: str) -> Reply:
    return Reply(200, b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode())
