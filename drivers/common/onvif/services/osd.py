"""Texts in an ONVIF device's picture (OSD), of media service 1 or 2: plain ones, and date and time."""

from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from devicemgr.errors import DeviceGarbled, DeviceLacks
from drivers.common.onvif.services.media import Profile
from drivers.common.onvif.services.video_encoder import child_of, in_schema
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import MEDIA2, OnvifFault, plain

_OFF = "off"
_CLOCKS = ("DateAndTime", "Date", "Time")
_TEXT = ("Type", "DateFormat", "TimeFormat", "FontSize", "FontColor", "BackgroundColor", "PlainText", "Extension")
_PLACES = ("UpperLeft", "UpperRight", "LowerLeft", "LowerRight")
_MAX_OSDS = 32


class Osds:
    """The texts in the picture of one media profile, read once."""

    def __init__(self, device: OnvifDevice, profile: Profile) -> None:
        self._device, self._service = device, profile.service
        self._source = self._source_of(profile)
        response = envelope.all_of(device.ask(self._service, "GetOSDs"), "OSDs")[:_MAX_OSDS]
        mine = (node for node in response if node.get("token"))
        self._all = [
            node for node in mine if self._source in ("", envelope.text(node, "VideoSourceConfigurationToken"))
        ]

    def texts(self) -> list[str]:
        """Return the plain texts."""
        return [plain(envelope.text(node, "PlainText"), 200) for node in self._of("Plain")]

    def has_clock(self) -> bool:
        """Return True if date or time is shown."""
        return bool(self._of(*_CLOCKS))

    def set_text(self, text: str) -> None:
        """Put it in place of the first text, or add it; `off` takes all texts away."""
        there = self._of("Plain")
        if text == _OFF:
            for node in there:
                self._delete(node)
        elif there:
            self._change(there[0], text)
        else:
            self._create("Plain", "UpperLeft", f"<tt:PlainText>{escape(text)}</tt:PlainText>")

    def set_clock(self, *, on: bool) -> None:
        """Add date and time, or take them away."""
        if not on:
            for node in self._of(*_CLOCKS):
                self._delete(node)
            return
        options = self._options()
        texts = None if options is None else envelope.first(options, "TextOption")
        if options is not None and "DateAndTime" not in _words(texts, "Type"):
            raise DeviceLacks("the device shows no date and time in the picture")
        formats = "".join(
            f"<tt:{name}>{escape(found[0])}</tt:{name}>"
            for name in ("DateFormat", "TimeFormat")
            if (found := _words(texts, name))
        )
        self._create("DateAndTime", "UpperRight", formats)

    def _of(self, *kinds: str) -> list[Any]:
        return [node for node in self._all if _kind(node) in kinds]

    def _source_of(self, profile: Profile) -> str:
        """Return the video source configuration that the profile shows, "" when the device does not name one."""
        if self._service == MEDIA2:
            response = self._device.ask(
                self._service, "GetProfiles", f"<n:Token>{escape(profile.token)}</n:Token><n:Type>VideoSource</n:Type>"
            )
            name = "VideoSource"
        else:
            response = self._device.ask(self._service, "GetProfiles")
            name = "VideoSourceConfiguration"
        for node in envelope.all_of(response, "Profiles"):
            source = envelope.first(node, name)
            if node.get("token") == profile.token and source is not None:
                return str(source.get("token") or "")
        return ""

    def _options(self) -> Any:
        """Read the options of on-screen texts; None if the device does not report them."""
        token = f"<n:ConfigurationToken>{escape(self._source)}</n:ConfigurationToken>"
        try:
            return self._device.ask(self._service, "GetOSDOptions", token)
        except (OnvifFault, DeviceGarbled):
            return None

    def _change(self, node: Any, text: str) -> None:
        changed = etree.Element(f"{{{self._service}}}OSD", attrib=dict(node.attrib))
        for child in node:
            changed.append(in_schema(child))
        string = envelope.first(changed, "TextString")
        child_of(string, "PlainText", _TEXT).text = text
        self._device.ask(self._service, "SetOSD", etree.tostring(changed, encoding="unicode"))

    def _create(self, kind: str, place: str, inner: str) -> None:
        offered = _words(self._options(), "PositionOption")
        place = next((found for found in (place, *_PLACES) if found in offered), place)
        self._device.ask(
            self._service,
            "CreateOSD",
            f'<n:OSD token=""><tt:VideoSourceConfigurationToken>{escape(self._source)}'
            f"</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type><tt:Position><tt:Type>{place}</tt:Type>"
            f"</tt:Position><tt:TextString><tt:Type>{kind}</tt:Type>{inner}</tt:TextString></n:OSD>",
        )

    def _delete(self, node: Any) -> None:
        self._device.ask(self._service, "DeleteOSD", f"<n:OSDToken>{escape(str(node.get('token')))}</n:OSDToken>")


def _kind(node: Any) -> str:
    """Of a text: Plain, Date, Time or DateAndTime; "" for a picture."""
    string = envelope.first(node, "TextString")
    return "" if string is None else envelope.text(string, "Type")


def _words(node: Any, name: str) -> list[str]:
    """Return the texts of all elements of that name; none where there is no node."""
    return [] if node is None else [str(found.text or "").strip() for found in envelope.all_of(node, name)[:_MAX_OSDS]]
