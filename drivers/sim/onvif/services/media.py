"""Media service 1 (Profile S) and 2 (Profile T): profiles, encoders, texts in the picture, stream and snapshot."""

from xml.sax.saxutils import escape

from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.soap import PREFIXES, SoapFault, first, no_such
from drivers.sim.onvif.state import Encoder, Osd, set_encoder

_CODECS_1 = ("JPEG", "MPEG4", "H264")
_CODECS_2 = ("JPEG", "H264", "H265")
_SIZES = ((1920, 1080), (1280, 720), (640, 360))
_RATES = (1, 5, 10, 15, 25)
_MAX_OSDS = 4


def _is_media2(call: Call) -> bool:
    return call.request.namespace == PREFIXES["tr2"]


def _source(prefix: str) -> str:
    return (
        f'<{prefix} token="vsc-1"><tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount><tt:SourceToken>vs-1'
        f'</tt:SourceToken><tt:Bounds x="0" y="0" width="1920" height="1080"/></{prefix}>'
    )


def _encoder1(encoder: Encoder, tag: str) -> str:
    if encoder.encoding not in _CODECS_1:
        return ""  # media service 1 has no word for it
    own = ""
    if encoder.encoding == "H264":
        own = f"<tt:H264><tt:GovLength>{encoder.gop}</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264>"
    return (
        f'<{tag} token="{encoder.token}"><tt:Name>{encoder.token}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoder.encoding}</tt:Encoding><tt:Resolution><tt:Width>{encoder.width}</tt:Width><tt:Height>"
        f"{encoder.height}</tt:Height></tt:Resolution><tt:Quality>{encoder.quality:g}</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{encoder.fps:.0f}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        f"<tt:BitrateLimit>{encoder.bitrate}</tt:BitrateLimit></tt:RateControl>{own}<tt:Multicast><tt:Address>"
        "<tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>1"
        f"</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></{tag}>"
    )


def _encoder2(encoder: Encoder, tag: str) -> str:
    return (
        f'<{tag} token="{encoder.token}" GovLength="{encoder.gop}" Profile="Main"><tt:Name>{encoder.token}</tt:Name>'
        f"<tt:UseCount>1</tt:UseCount><tt:Encoding>{encoder.encoding}</tt:Encoding><tt:Resolution><tt:Width>"
        f"{encoder.width}</tt:Width><tt:Height>{encoder.height}</tt:Height></tt:Resolution><tt:RateControl "
        f'ConstantBitRate="false"><tt:FrameRateLimit>{encoder.fps:g}</tt:FrameRateLimit><tt:BitrateLimit>'
        f"{encoder.bitrate}</tt:BitrateLimit></tt:RateControl><tt:Quality>{encoder.quality:g}</tt:Quality></{tag}>"
    )


def get_profiles(call: Call) -> str:
    """List the profiles, or the requested one."""
    wanted = call.request.text("Token") or call.request.text("ProfileToken")
    return "".join(
        _profile(call, number, encoder)
        for number, encoder in enumerate(call.state.encoders, 1)
        if wanted in ("", f"profile-{number}")
    )


def _profile(call: Call, number: int, encoder: Encoder) -> str:
    head = f'token="profile-{number}" fixed="true"'
    if _is_media2(call):
        types = {node.text for node in call.request.all("Type")}
        parts = _source("tr2:VideoSource") if types & {"VideoSource", "All"} else ""
        parts += _encoder2(encoder, "tr2:VideoEncoder") if types & {"VideoEncoder", "All"} else ""
        held = f"<tr2:Configurations>{parts}</tr2:Configurations>" if parts else ""
        return f"<tr2:Profiles {head}><tr2:Name>Profile {number}</tr2:Name>{held}</tr2:Profiles>"
    tag = "trt:Profile" if call.request.name == "GetProfile" else "trt:Profiles"
    parts = _source("tt:VideoSourceConfiguration") + _encoder1(encoder, "tt:VideoEncoderConfiguration")
    return f"<{tag} {head}><tt:Name>Profile {number}</tt:Name>{parts}</{tag}>"


def get_video_sources(call: Call) -> str:
    """Return the one video source."""
    first_encoder = call.state.encoders[0]
    return (
        f'<trt:VideoSources token="vs-1"><tt:Framerate>{first_encoder.fps:g}</tt:Framerate><tt:Resolution>'
        "<tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution></trt:VideoSources>"
    )


def get_encoders(call: Call) -> str:
    """List the encoder configurations, or the requested one."""
    wanted = call.request.text("ConfigurationToken")
    found = [encoder for encoder in call.state.encoders if wanted in ("", encoder.token)]
    if wanted and not found:
        raise no_such("configuration", "ter:NoConfig")
    if _is_media2(call):
        return "".join(_encoder2(encoder, "tr2:Configurations") for encoder in found)
    single = call.request.name == "GetVideoEncoderConfiguration"
    tag = "trt:Configuration" if single else "trt:Configurations"
    return "".join(_encoder1(encoder, tag) for encoder in found)


def set_encoder_configuration(call: Call) -> str:
    """Set size, frame rate and encoding of an encoder."""
    node = call.request.all("Configuration")
    token = node[0].get("token", "") if node else ""
    for encoder in call.state.encoders:
        if encoder.token == token:
            break
    else:
        raise no_such("configuration", "ter:NoConfig")
    fields = {
        "encoding": call.request.text("Encoding"),
        "width": call.request.text("Width"),
        "height": call.request.text("Height"),
        "fps": call.request.text("FrameRateLimit"),
        "bitrate": call.request.text("BitrateLimit"),
        "quality": call.request.text("Quality"),
        "gop": node[0].get("GovLength") or call.request.text("GovLength"),
    }
    size = (int(fields["width"] or encoder.width), int(fields["height"] or encoder.height))
    codecs = _CODECS_2 if _is_media2(call) else _CODECS_1
    fps, gop = float(fields["fps"] or encoder.fps), int(fields["gop"] or encoder.gop)
    bitrate = int(fields["bitrate"] or encoder.bitrate)
    steps = fps in _RATES if _is_media2(call) else 1 <= fps <= 25
    fits = size in _SIZES and steps and 1 <= gop <= 250 and 64 <= bitrate <= 8192
    if not fits or (fields["encoding"] or encoder.encoding) not in codecs:
        raise SoapFault("the parameters cannot be set", "ter:InvalidArgVal", "ter:ConfigModify")
    set_encoder(encoder, fields)
    return ""


def get_encoder_options(call: Call) -> str:
    """Return the sizes and rates that an encoder offers."""
    sizes = "".join(
        f"<tt:ResolutionsAvailable><tt:Width>{w}</tt:Width><tt:Height>{h}</tt:Height></tt:ResolutionsAvailable>"
        for w, h in _SIZES
    )
    if _is_media2(call):
        return "".join(
            f'<tr2:Options GovLengthRange="1 250" FrameRatesSupported="1 5 10 15 25" ProfilesSupported="Main">'
            f"<tt:Encoding>{codec}</tt:Encoding><tt:QualityRange><tt:Min>1</tt:Min><tt:Max>10</tt:Max></tt:QualityRange>"
            f"{sizes}<tt:BitrateRange><tt:Min>64</tt:Min><tt:Max>8192</tt:Max></tt:BitrateRange></tr2:Options>"
            for codec in _CODECS_2
        )
    return (
        "<trt:Options><tt:QualityRange><tt:Min>1</tt:Min><tt:Max>10</tt:Max></tt:QualityRange><tt:JPEG>"
        f"{sizes}<tt:FrameRateRange><tt:Min>1</tt:Min><tt:Max>25</tt:Max></tt:FrameRateRange><tt:EncodingIntervalRange>"
        "<tt:Min>1</tt:Min><tt:Max>1</tt:Max></tt:EncodingIntervalRange></tt:JPEG><tt:H264>"
        f"{sizes}<tt:GovLengthRange><tt:Min>1</tt:Min><tt:Max>250</tt:Max></tt:GovLengthRange><tt:FrameRateRange><tt:Min>1"
        "</tt:Min><tt:Max>25</tt:Max></tt:FrameRateRange><tt:EncodingIntervalRange><tt:Min>1</tt:Min><tt:Max>1</tt:Max>"
        "</tt:EncodingIntervalRange><tt:H264ProfilesSupported>Main</tt:H264ProfilesSupported></tt:H264></trt:Options>"
    )


def _require_profile(call: Call) -> None:
    tokens = {f"profile-{number}" for number in range(1, len(call.state.encoders) + 1)}
    if call.request.text("ProfileToken") not in tokens:
        raise no_such("profile", "ter:NoProfile")


def get_stream_uri(call: Call) -> str:
    """Return the address of the stream."""
    _require_profile(call)
    return _uri(call, call.stream)


def get_snapshot_uri(call: Call) -> str:
    """Return the address of the snapshot of a profile."""
    _require_profile(call)
    return _uri(call, f"{call.base}/snapshot.jpg?profile={call.request.text('ProfileToken')}")


def _uri(call: Call, uri: str) -> str:
    if _is_media2(call):
        return f"<tr2:Uri>{escape(uri)}</tr2:Uri>"
    return (
        f"<trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
    )


def get_osds(call: Call) -> str:
    """List the on-screen texts."""
    prefix = "tr2" if _is_media2(call) else "trt"
    return "".join(
        f'<{prefix}:OSDs token="{osd.token}"><tt:VideoSourceConfigurationToken>vsc-1</tt:VideoSourceConfigurationToken>'
        "<tt:Type>Text</tt:Type><tt:Position><tt:Type>UpperLeft</tt:Type></tt:Position><tt:TextString><tt:Type>"
        f"{osd.kind}</tt:Type>{_osd_text(osd)}</tt:TextString></{prefix}:OSDs>"
        for osd in call.state.osds
    )


def _osd_text(osd: Osd) -> str:
    if osd.kind == "Plain":
        return f"<tt:PlainText>{escape(osd.text)}</tt:PlainText>"
    return "<tt:DateFormat>yyyy-MM-dd</tt:DateFormat><tt:TimeFormat>HH:mm:ss</tt:TimeFormat>"


def get_osd_options(call: Call) -> str:
    """Return how many on-screen texts fit, and where."""
    prefix = "tr2" if _is_media2(call) else "trt"
    return (
        f'<{prefix}:OSDOptions><tt:MaximumNumberOfOSDs Total="{_MAX_OSDS}"/><tt:Type>Text</tt:Type>'
        "<tt:PositionOption>UpperLeft</tt:PositionOption><tt:PositionOption>LowerRight</tt:PositionOption>"
        "<tt:TextOption><tt:Type>Plain</tt:Type><tt:Type>DateAndTime</tt:Type><tt:DateFormat>yyyy-MM-dd</tt:DateFormat>"
        f"<tt:TimeFormat>HH:mm:ss</tt:TimeFormat></tt:TextOption></{prefix}:OSDOptions>"
    )


def set_osd(call: Call) -> str:
    """Change an on-screen text."""
    node = first(call.request.element, "OSD")
    for osd in call.state.osds:
        if node is not None and node.get("token") == osd.token:
            osd.text = call.request.text("PlainText", osd.text)
            return ""
    raise no_such("OSD", "ter:NoConfig")


def create_osd(call: Call) -> str:
    """Add an on-screen text; refuse another kind or place, or one too many."""
    string = first(call.request.element, "TextString")
    kind = "" if string is None else str(first(string, "Type").text)
    position = first(call.request.element, "Position")
    place = "" if position is None else str(first(position, "Type").text)
    if kind not in ("Plain", "DateAndTime") or place not in ("UpperLeft", "LowerRight"):
        raise SoapFault("the parameters cannot be set", "ter:InvalidArgVal", "ter:ConfigModify")
    if len(call.state.osds) >= _MAX_OSDS:
        raise SoapFault("there are enough texts", "ter:Action", "ter:MaxOSDs", sender=False)
    number = max((int(osd.token.rpartition("-")[2]) for osd in call.state.osds), default=0) + 1
    osd = Osd(f"osd-{number}", call.request.text("PlainText"), kind)
    call.state.osds.append(osd)
    prefix = "tr2" if _is_media2(call) else "trt"
    return f"<{prefix}:OSDToken>{osd.token}</{prefix}:OSDToken>"


def delete_osd(call: Call) -> str:
    """Delete an on-screen text."""
    call.state.osds = [osd for osd in call.state.osds if osd.token != call.request.text("OSDToken")]
    return ""


def get_video_source_configurations(call: Call) -> str:
    """Return the one configuration of the video source."""
    return _source("tr2:Configurations" if _is_media2(call) else "trt:Configurations")


_BOTH: dict[str, Operation] = {
    "GetProfiles": get_profiles,
    "GetVideoEncoderConfigurations": get_encoders,
    "GetVideoEncoderConfigurationOptions": get_encoder_options,
    "SetVideoEncoderConfiguration": set_encoder_configuration,
    "GetStreamUri": get_stream_uri,
    "GetSnapshotUri": get_snapshot_uri,
    "GetOSDs": get_osds,
    "SetOSD": set_osd,
    "CreateOSD": create_osd,
    "DeleteOSD": delete_osd,
    "GetOSDOptions": get_osd_options,
    "GetVideoSourceConfigurations": get_video_source_configurations,
}
MEDIA1: dict[str, Operation] = _BOTH | {
    "GetProfile": get_profiles,
    "GetVideoSources": get_video_sources,
    "GetVideoEncoderConfiguration": get_encoders,
}
MEDIA2: dict[str, Operation] = _BOTH
