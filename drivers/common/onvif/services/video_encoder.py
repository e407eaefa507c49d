"""A video encoder's configuration, of media service 1 or 2: read, checked against its options, and set.

A configuration is handed back as it was read, with what is wanted changed in it: devices add elements of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceGarbled, DeviceLacks, DeviceRefused
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2, OnvifFault, plain

TT = "http://www.onvif.org/ver10/schema"
_WORDS = {"JPEG": "jpeg", "MJPEG": "jpeg", "H264": "h264", "H265": "h265", "HEVC": "h265"}
_CODECS = {"jpeg": "JPEG", "h264": "H264", "h265": "H265"}
# The children in the order of the schemas tt:VideoEncoderConfiguration and tt:VideoEncoder2Configuration.
_ORDER = {
    MEDIA: (
        "Name",
        "UseCount",
        "Encoding",
        "Resolution",
        "Quality",
        "RateControl",
        "MPEG4",
        "H264",
        "Multicast",
        "SessionTimeout",
    ),
    MEDIA2: ("Name", "UseCount", "Encoding", "Resolution", "RateControl", "Multicast", "Quality"),
}
_RATES = ("FrameRateLimit", "EncodingInterval", "BitrateLimit")


@dataclass(frozen=True, slots=True)
class Offer:
    """A device's offer for one codec; an unreported field is empty, and not checked."""

    sizes: tuple[tuple[int, int], ...] = ()
    rates: tuple[float, ...] = ()
    rate_range: tuple[float, float] | None = None
    gop: tuple[float, float] | None = None
    bitrate: tuple[float, float] | None = None
    profiles: tuple[str, ...] = ()


def find_encoder(device: OnvifDevice, service: str, token: str) -> "Encoder":
    """Return the configuration of that token."""
    response = device.ask(service, "GetVideoEncoderConfigurations", _token(token) if service == MEDIA2 else "")
    found = [node for node in envelope.all_of(response, "Configurations") if node.get("token") == token]
    if not found:
        raise DeviceLacks("the device tells of a video encoder and does not show its settings")
    return Encoder(device, service, found[0])


class Encoder:
    """One configuration as it was read."""

    def __init__(self, device: OnvifDevice, service: str, node: Any) -> None:
        self._device, self._service, self._node = device, service, node

    def values(self) -> dict[str, JsonValue]:
        """Return the fields of profile.Stream, None where it does not say."""
        node, two = self._node, self._service == MEDIA2
        encoding = envelope.text(node, "Encoding")
        rate, every = _number(envelope.text(node, "FrameRateLimit")), envelope.number(node, "EncodingInterval")
        gop = _number(str(node.get("GovLength") or "")) if two else envelope.number(node, "GovLength")
        return {
            "codec": _WORDS.get(encoding.upper(), plain(encoding)),
            "width": envelope.number(node, "Width"),
            "height": envelope.number(node, "Height"),
            "fps": rate if rate is None or two else rate / max(every or 1, 1),
            "gop": None if gop is None else int(gop),
            "bitrate": envelope.number(node, "BitrateLimit"),
        }

    def check(self, wanted: dict[str, JsonValue]) -> None:
        """Raise DeviceLacks for a missing codec, DeviceRefused with the nearest value for another setting."""
        if self._service == MEDIA and wanted.get("codec") == "h265":
            raise DeviceLacks("the device has media service 1 only, which does not know H.265")
        offers = self._offers()
        codec = str(wanted.get("codec") or self.values()["codec"])
        if not offers or (codec not in offers and "codec" not in wanted):
            return
        if codec not in offers:
            raise DeviceLacks(f"the device offers {', '.join(sorted(offers))}, and no {codec}")
        offer = offers[codec]
        if "width" in wanted and "height" in wanted:
            _check_size(codec, offer.sizes, (int(wanted["width"]), int(wanted["height"])))  # type: ignore[arg-type]
        _check_one("pictures a second", wanted.get("fps"), offer.rates, offer.rate_range)
        _check_one("pictures from one whole one to the next (gop)", wanted.get("gop"), (), offer.gop)
        _check_one("kbit/s", wanted.get("bitrate"), (), offer.bitrate)

    def write(self, wanted: dict[str, JsonValue]) -> None:
        """Set what is wanted, and leave the rest."""
        node = self._copy()
        codec = str(wanted.get("codec") or self.values()["codec"])
        if wanted.get("codec"):
            self._put(node, ("Encoding",), _CODECS[codec])
        for name, path in (("width", "Width"), ("height", "Height")):
            if name in wanted:
                self._put(node, ("Resolution", path), _whole(wanted[name]))
        if "fps" in wanted or "bitrate" in wanted:
            self._put_rates(node, wanted)
        self._put_gop(node, codec, wanted.get("gop"))
        more = "" if self._service == MEDIA2 else "<n:ForcePersistence>true</n:ForcePersistence>"
        inner = etree.tostring(node, encoding="unicode")
        self._device.ask(self._service, "SetVideoEncoderConfiguration", inner + more)

    def _put_rates(self, node: Any, wanted: dict[str, JsonValue]) -> None:
        kept = self.values()
        fps, bitrate = wanted.get("fps") or kept["fps"] or 25, wanted.get("bitrate") or kept["bitrate"] or 4096
        if self._service == MEDIA:
            fps = round(float(str(fps)))
            self._put(node, ("RateControl", "EncodingInterval"), "1")
        self._put(node, ("RateControl", "FrameRateLimit"), _whole(fps))
        self._put(node, ("RateControl", "BitrateLimit"), _whole(bitrate))

    def _put_gop(self, node: Any, codec: str, gop: JsonValue) -> None:
        """Set the length, and a codec profile that goes with a new codec."""
        changed = codec != self.values()["codec"]
        offer = self._offers().get(codec, Offer()) if changed else Offer()
        if self._service == MEDIA2:
            if gop is not None:
                node.set("GovLength", _whole(gop))
            if changed and codec == "jpeg":
                node.attrib.pop("GovLength", None)
                node.attrib.pop("Profile", None)
            elif changed and offer.profiles and node.get("Profile") not in offer.profiles:
                node.set("Profile", _best(offer.profiles))
        elif codec == "h264" and (changed or gop is not None):
            length = gop or self.values()["gop"] or min(50, int(offer.gop[1] if offer.gop else 50))
            profile = envelope.text(self._node, "H264Profile") or _best(offer.profiles)
            self._put(node, ("H264", "GovLength"), _whole(length))
            self._put(node, ("H264", "H264Profile"), profile)
        if changed and self._service == MEDIA:
            for child in [
                c for c in node if envelope.local(c) in ("H264", "MPEG4") and envelope.local(c) != _CODECS[codec]
            ]:
                node.remove(child)

    def _copy(self) -> Any:
        """Return the configuration under the name that the call wants."""
        copied = etree.Element(f"{{{self._service}}}Configuration", attrib=dict(self._node.attrib))
        for child in self._node:
            copied.append(in_schema(child))
        return copied

    def _put(self, node: Any, path: tuple[str, ...], text: str) -> None:
        order: Sequence[str] = _ORDER[self._service]
        for name in path:
            node, order = child_of(node, name, order), _RATES
        node.text = text

    def _offers(self) -> dict[str, Offer]:
        """By codec; empty when the device does not tell."""
        token = _token(str(self._node.get("token") or ""))
        try:
            response = self._device.ask(self._service, "GetVideoEncoderConfigurationOptions", token)
        except (OnvifFault, DeviceGarbled):
            return {}
        return _offers2(response) if self._service == MEDIA2 else _offers1(response)


def in_schema(node: Any) -> Any:
    """Return a copy, in ONVIF's common namespace where the device gave none."""
    copied = etree.Element(node.tag if "}" in node.tag else f"{{{TT}}}{node.tag}", attrib=dict(node.attrib))
    copied.text = node.text
    for child in node:
        copied.append(in_schema(child))
    return copied


def child_of(node: Any, name: str, order: Sequence[str]) -> Any:
    """Return the child of that name, made at its place in `order` where there is none."""
    for child in node:
        if envelope.local(child) == name:
            return child
    made = etree.Element(f"{{{TT}}}{name}")
    later = set(order[order.index(name) + 1 :]) if name in order else set()
    place = next((at for at, child in enumerate(node) if envelope.local(child) in later), len(node))
    node.insert(place, made)
    return made


def _offers1(response: Any) -> dict[str, Offer]:
    options = envelope.first(response, "Options")
    found: dict[str, Offer] = {}
    for node in [] if options is None else options.iter("{*}JPEG", "{*}H264"):
        codec = _WORDS[envelope.local(node)]
        before = found.get(codec, Offer())  # the extension repeats all and adds the bit rate
        found[codec] = Offer(
            _sizes(node) or before.sizes,
            (),
            _range(node, "FrameRateRange") or before.rate_range,
            _range(node, "GovLengthRange") or before.gop,
            _range(node, "BitrateRange") or before.bitrate,
            tuple(str(p.text or "") for p in envelope.all_of(node, "H264ProfilesSupported")) or before.profiles,
        )
    return found


def _offers2(response: Any) -> dict[str, Offer]:
    found = {}
    for node in envelope.all_of(response, "Options"):
        codec = _WORDS.get(envelope.text(node, "Encoding").upper())
        if codec:
            gop = _numbers(node.get("GovLengthRange"))
            found[codec] = Offer(
                _sizes(node),
                _numbers(node.get("FrameRatesSupported")),
                None,
                (gop[0], gop[-1]) if gop else None,
                _range(node, "BitrateRange"),
                tuple(str(node.get("ProfilesSupported") or "").split()),
            )
    return found


def _sizes(node: Any) -> tuple[tuple[int, int], ...]:
    pairs = [
        (envelope.number(n, "Width"), envelope.number(n, "Height"))
        for n in envelope.all_of(node, "ResolutionsAvailable")
    ]
    return tuple((width, height) for width, height in pairs[:200] if width and height)


def _range(node: Any, name: str) -> tuple[float, float] | None:
    found = envelope.first(node, name)
    low, high = (
        (None, None) if found is None else (_number(envelope.text(found, "Min")), _number(envelope.text(found, "Max")))
    )
    return None if low is None or high is None else (low, high)


def _numbers(text: str | None) -> tuple[float, ...]:
    return tuple(number for word in str(text or "").split()[:200] if (number := _number(word)) is not None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _whole(value: JsonValue | float) -> str:
    return f"{float(str(value)):g}" if float(str(value)) < 1e6 else str(value)


def _best(profiles: Sequence[str]) -> str:
    return next(
        (name for name in ("Main", "High", "Baseline") if name in profiles), profiles[0] if profiles else "Main"
    )


def _token(token: str) -> str:
    return f"<n:ConfigurationToken>{escape(token)}</n:ConfigurationToken>"


def _check_size(codec: str, sizes: Sequence[tuple[int, int]], wanted: tuple[int, int]) -> None:
    if sizes and wanted not in sizes:
        near = min(sizes, key=lambda size: abs(size[0] - wanted[0]) + abs(size[1] - wanted[1]))
        raise DeviceRefused(
            f"the device does not offer {wanted[0]}x{wanted[1]} for {codec}; the nearest is {near[0]}x{near[1]}: "
            "put that into the profile"
        )


def _check_one(what: str, wanted: JsonValue, offered: Sequence[float], span: tuple[float, float] | None) -> None:
    if wanted is None:
        return
    value = float(str(wanted))
    if offered:
        near = min(offered, key=lambda rate: abs(rate - value))
    elif span is not None:
        near = min(max(value, span[0]), span[1])
    else:
        return
    if abs(near - value) > 0.01:
        raise DeviceRefused(
            f"the device does not offer {value:g} {what}; the nearest is {near:g}: put that into the profile"
        )
