"""What a Hikvision console answers, and what is made of it."""

import re

import pytest

from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused
from drivers.common.http.client import Answer
from drivers.hikvision_console.isapi import read_answer

OK = b'{"statusCode":1,"statusString":"OK","subStatusCode":"ok"}'
XML_OK = b'<?xml version="1.0"?><a:ResponseStatus xmlns:a="http://x"><a:statusCode>1</a:statusCode></a:ResponseStatus>'


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, OK, None, ""),
        (200, XML_OK, None, ""),
        (200, b"\xef\xbb\xbf" + OK, None, ""),
        (200, b"", None, ""),
        (200, b'{"statusCode":', DeviceGarbled, "not whole JSON"),
        (200, b"<a><b></a>", DeviceGarbled, "not whole XML"),
        (200, b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', DeviceGarbled, "not whole XML"),
        (503, b'{"statusCode":2,"subStatusCode":"deviceBusy","errorCode":536870916}', DeviceBusy, "busy"),
        (503, b"", DeviceBusy, "busy"),
        (404, b"<html>gone</html", DeviceRefused, "does not do this"),
        (
            400,
            b'{"statusCode":6,"subStatusCode":"cardNoAlreadyExist"}',
            DeviceRefused,
            "holds that card for another person",
        ),
        (400, b'{"statusCode":6,"subStatusCode":"pictureFaceDetectZero"}', DeviceRefused, "finds no face"),
        (400, b'{"statusCode":6,"subStatusCode":"employeeNoNotExist"}', DeviceRefused, "does not hold that badge"),
        (403, b'{"statusCode":4,"subStatusCode":"invalidOperation"}', DeviceRefused, "does not do this now"),
        (400, b'{"statusCode":5,"subStatusCode":"badJsonFormat"}', DeviceRefused, "can't read the request"),
        (403, b'{"statusCode":4,"subStatusCode":"deployExceedMax"}', DeviceRefused, "too many listeners"),
        (400, b'{"statusCode":6,"subStatusCode":"deviceUserAlreadyExistFace"}', DeviceRefused, "holds a face for that"),
        (200, b'{"statusCode":3,"statusString":"Device Error"}', DeviceRefused, "a fault of its own"),
        (200, b'{"statusCode":7}', DeviceRefused, "restarted first"),
        (200, b'{"statusCode":"x"}', DeviceRefused, "answers HTTP 200"),
        (
            400,
            b'{"statusCode":6,"subStatusCode":"new\\u001b[31m","errorMsg":"x\\ny"}',
            DeviceRefused,
            "refuses the con",
        ),
    ],
)
def test_answers(status, body, error, words):
    answer = Answer(status, body)
    if error is None:
        read_answer(answer)
        return
    with pytest.raises(error, match=re.escape(words)) as caught:
        read_answer(answer)
    assert not set(str(caught.value)) & set("\x1b\n")
