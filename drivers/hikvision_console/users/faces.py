"""The faces in a console's library, each kept under its person's badge."""

import secrets

from devicemgr.errors import DeviceRefused, NotVerifiable
from drivers.common.console.photos import fit_jpeg
from drivers.common.http.client import Request
from drivers.hikvision_console.isapi import Isapi, Refusal, is_no_match, items
from drivers.hikvision_console.sub_statuses import CONTENT_REFUSED, FACE_EXISTS, NOT_THERE

_LIBRARY_PAGES = "/ISAPI/Intelligent/FDLib"
_LIBRARY = {"faceLibType": "blackFD", "FDID": "1"}
# Smaller ones are refused: 135 by 189 pixels were, the same picture at twice that was not (K1T321, field report).
_FACE_BYTES, _MIN_FACE_PIXELS, _MAX_FACE_PIXELS = 200_000, (480, 480), (960, 1280)


class Faces:
    """One console's face library; the person must be there first."""

    def __init__(self, isapi: Isapi) -> None:
        self._isapi = isapi

    def store(self, key: str, photo: bytes) -> bool:
        """FDSetUp adds or replaces; without it FaceDataRecord adds, and FDModify replaces; True."""
        for method, page in (("PUT", "FDSetUp"), ("POST", "FaceDataRecord")):
            try:
                self._send(method, page, key, photo)
                return True
            except Refusal as refusal:
                if refusal.code in FACE_EXISTS:
                    break
                if not refusal.is_unsupported or page == "FaceDataRecord":
                    raise
        self._send("PUT", "FDModify", key, photo)
        return True

    def _send(self, method: str, page: str, key: str, photo: bytes) -> None:
        boundary, body = face_form(key, photo)
        target = f"{_LIBRARY_PAGES}/{page}?format=json"
        kind = f"multipart/form-data; boundary={boundary}"
        self._isapi.send_raw(Request(method, target, body, kind, seconds=10.0))

    def remove(self, key: str) -> bool:
        """Remove a person's face; True."""
        query = "&".join(f"{name}={value}" for name, value in sorted(_LIBRARY.items()))
        target = f"{_LIBRARY_PAGES}/FDSearch/Delete?format=json&{query}"
        body = b'{"FPID":[{"value":"%s"}]}' % key.encode()
        try:
            self._isapi.send_raw(Request("PUT", target, body, "application/json", urgent=True))
        except Refusal as refusal:
            if refusal.code not in NOT_THERE:
                raise
        return True

    def see_that_it_is_gone(self, badge: str) -> None:
        """Look, remove what a removal of the person left, and look again; NotVerifiable where it can't be queried."""
        held = self.holds(badge)
        if held:
            self.remove(badge)
            held = self.holds(badge)
        if held:
            raise DeviceRefused(f"the console still holds the face of badge {badge} after removing it")
        if held is None:
            raise NotVerifiable(
                f"the console can't be queried whether it holds a face of badge {badge}; look at it there"
            )

    def holds(self, badge: str) -> bool | None:
        """Return whether the library has the person's face; None where the firmware does not tell."""
        query = {"searchResultPosition": 0, "maxResults": 1, **_LIBRARY, "FPID": badge}
        try:
            says = self._isapi.send("POST", f"{_LIBRARY_PAGES}/FDSearch", query, urgent=True)
        except Refusal as refusal:
            if refusal.is_unsupported or refusal.code in CONTENT_REFUSED:
                return None
            raise
        found = items(says.get("MatchList"))
        if any(str(match.get("FPID")) == badge for match in found):
            return True
        # An answer without a count, or with matches that name no person, says nothing.
        counted = is_no_match(says) or (bool(found) and all(match.get("FPID") for match in found))
        return False if counted else None


def fitted(jpeg: bytes) -> bytes:
    """Scale a sample to what a console accepts: short side of 480 pixels or more, baseline, 4:2:0, at most 200 kB."""
    return fit_jpeg(jpeg, _FACE_BYTES, _MAX_FACE_PIXELS, _MIN_FACE_PIXELS)


def face_form(key: str, photo: bytes) -> tuple[str, bytes]:
    """Encode a face as multipart/form-data; return the boundary and the body."""
    boundary = f"devicemgr{secrets.token_hex(12)}"
    says = b'{"faceLibType":"blackFD","FDID":"1","FPID":"%s"}' % key.encode()
    parts = (
        (b'name="FaceDataRecord"', b"application/json", says),
        (b'name="FaceImage"; filename="face.jpg"', b"image/jpeg", photo),
    )
    head = b"--%s\r\nContent-Disposition: form-data; %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n"
    body = b"".join(head % (boundary.encode(), name, kind, len(data), data) for name, kind, data in parts)
    return boundary, body + b"--%s--\r\n" % boundary.encode()
