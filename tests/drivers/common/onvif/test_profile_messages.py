"""What is sent to set video up: a configuration goes back as it came, with what is wanted changed in it."""

import pytest
from lxml import etree

from devicemgr.errors import DeviceLacks, DeviceRefused
from drivers.common.onvif.services.media import Profile
from drivers.common.onvif.services.osd import Osds
from drivers.common.onvif.services.video_encoder import find_encoder
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2, OnvifFault

TT = 'xmlns:tt="http://www.onvif.org/ver10/schema"'
OWN = '<v:Tint xmlns:v="urn:vendor">3</v:Tint>'

CONFIGURATION_1 = (
    f'<r xmlns="urn:r" {TT}><Configurations token="e&lt;1" GuaranteedFrameRate="false"><tt:Name>main</tt:Name>'
    "<tt:UseCount>2</tt:UseCount><tt:Encoding>JPEG</tt:Encoding><tt:Resolution><tt:Width>640</tt:Width><tt:Height>480"
    "</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>"
    "<tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false"
    f"</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>{OWN}</Configurations></r>"
)
OPTIONS_1 = (
    f"<r {TT}><Options><tt:QualityRange><tt:Min>1</tt:Min><tt:Max>9</tt:Max></tt:QualityRange><tt:H264>"
    "<tt:ResolutionsAvailable><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:ResolutionsAvailable>"
    "<tt:GovLengthRange><tt:Min>1</tt:Min><tt:Max>40</tt:Max></tt:GovLengthRange><tt:FrameRateRange><tt:Min>1</tt:Min>"
    "<tt:Max>20</tt:Max></tt:FrameRateRange><tt:H264ProfilesSupported>Baseline</tt:H264ProfilesSupported>"
    "<tt:H264ProfilesSupported>High</tt:H264ProfilesSupported></tt:H264><tt:Extension><tt:H264><tt:BitrateRange><tt:Min>"
    "100</tt:Min><tt:Max>2000</tt:Max></tt:BitrateRange></tt:H264></tt:Extension></Options></r>"
)
SENT_1 = (
    '<n:Configuration token="e&lt;1" GuaranteedFrameRate="false"><tt:Name>main</tt:Name><tt:UseCount>2</tt:UseCount>'
    "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution>"
    "<tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>10</tt:FrameRateLimit><tt:EncodingInterval>1"
    "</tt:EncodingInterval><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>40"
    "</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>"
    "<tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false"
    f"</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>{OWN}</n:Configuration>"
    "<n:ForcePersistence>true</n:ForcePersistence>"
)
CONFIGURATION_2 = (
    '<r><Configurations token="e1" GovLength="25" Profile="High" Signed="false"><Name>main</Name><UseCount>1</UseCount>'
    "<Encoding>H264</Encoding><Resolution><Width>640</Width><Height>480</Height></Resolution><RateControl "
    'ConstantBitRate="true"><FrameRateLimit>25</FrameRateLimit><BitrateLimit>900</BitrateLimit></RateControl>'
    f"<Quality>4</Quality>{OWN}</Configurations></r>"
)
OPTIONS_2 = (
    f'<r {TT}><Options GovLengthRange="1 100" FrameRatesSupported="12.5 25" ProfilesSupported="Main Main10">'
    "<tt:Encoding>H265</tt:Encoding></Options></r>"
)
SENT_2 = (
    '<n:Configuration token="e1" GovLength="10" Profile="Main" Signed="false"><tt:Name>main</tt:Name><tt:UseCount>1'
    "</tt:UseCount><tt:Encoding>H265</tt:Encoding><tt:Resolution><tt:Width>640</tt:Width><tt:Height>480</tt:Height>"
    '</tt:Resolution><tt:RateControl ConstantBitRate="true"><tt:FrameRateLimit>12.5</tt:FrameRateLimit>'
    f"<tt:BitrateLimit>900</tt:BitrateLimit></tt:RateControl><tt:Quality>4</tt:Quality>{OWN}</n:Configuration>"
)
OSD = (
    f'<r {TT}><OSDs token="o1"><tt:VideoSourceConfigurationToken>v1</tt:VideoSourceConfigurationToken><tt:Type>Text'
    '</tt:Type><tt:Position><tt:Type>Custom</tt:Type><tt:Pos x="0.5" y="-0.9"/></tt:Position><tt:TextString><tt:Type>'
    "Plain</tt:Type><tt:FontSize>30</tt:FontSize><tt:Extension/></tt:TextString></OSDs>"
    '<OSDs token="o2"><tt:VideoSourceConfigurationToken>v2</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>'
    "<tt:TextString><tt:Type>Plain</tt:Type><tt:PlainText>another source</tt:PlainText></tt:TextString></OSDs></r>"
)
SENT_OSD = (
    '<n:OSD token="o1"><tt:VideoSourceConfigurationToken>v1</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>'
    '<tt:Position><tt:Type>Custom</tt:Type><tt:Pos x="0.5" y="-0.9"/></tt:Position><tt:TextString><tt:Type>Plain'
    "</tt:Type><tt:FontSize>30</tt:FontSize><tt:PlainText>A &lt;b&gt;</tt:PlainText><tt:Extension/></tt:TextString>"
    "</n:OSD>"
)


class Recorded:
    """Answers by operation as a device gave them, and what was sent."""

    def __init__(self, **answers):
        self._answers, self.sent = answers, {}

    def ask(self, service, operation, inner=""):
        self.sent[operation] = canonical(service, operation, inner)
        if operation.startswith("Set"):
            return None
        if operation not in self._answers:
            raise OnvifFault("no such thing", ("ActionNotSupported",))
        return etree.fromstring(self._answers[operation])


def canonical(service, operation, inner):
    """As it stands on the wire, whatever the prefixes."""
    call = envelope.first(envelope.envelope(service, operation, inner), operation)
    return _names(call)


def _names(node):
    return (node.tag, dict(node.attrib), (node.text or "").strip(), [_names(child) for child in node])


def test_media_1_from_jpeg_to_h264():
    device = Recorded(GetVideoEncoderConfigurations=CONFIGURATION_1, GetVideoEncoderConfigurationOptions=OPTIONS_1)
    encoder = find_encoder(device, MEDIA, "e<1")
    assert encoder.values() == {
        "codec": "jpeg",
        "width": 640,
        "height": 480,
        "fps": None,
        "gop": None,
        "bitrate": None,
    }
    wanted = {"codec": "h264", "width": 1920, "height": 1080, "fps": 10.0}
    encoder.check(wanted)
    encoder.write(wanted)
    assert device.sent["SetVideoEncoderConfiguration"] == canonical(MEDIA, "SetVideoEncoderConfiguration", SENT_1)
    for wrong in ({"codec": "h264", "bitrate": 2001}, {"codec": "h264", "gop": 41}, {"codec": "h264", "fps": 21.0}):
        with pytest.raises(DeviceRefused, match=r"nearest is (2000|40|20):"):
            encoder.check(wrong)
    with pytest.raises(DeviceLacks, match="offers h264, and no jpeg"):
        encoder.check({"codec": "jpeg"})


def test_media_2_from_h264_to_h265_with_elements_that_have_no_namespace():
    device = Recorded(GetVideoEncoderConfigurations=CONFIGURATION_2, GetVideoEncoderConfigurationOptions=OPTIONS_2)
    encoder = find_encoder(device, MEDIA2, "e1")
    wanted = {"codec": "h265", "fps": 12.5, "gop": 10}
    encoder.check(wanted)
    encoder.write(wanted)
    assert device.sent["SetVideoEncoderConfiguration"] == canonical(MEDIA2, "SetVideoEncoderConfiguration", SENT_2)
    with pytest.raises(DeviceRefused, match=r"12 pictures a second; the nearest is 12\.5:"):
        encoder.check({"codec": "h265", "fps": 12.0})


def test_without_options_nothing_is_checked_and_the_device_says_itself():
    device = Recorded(GetVideoEncoderConfigurations=CONFIGURATION_2)
    find_encoder(device, MEDIA2, "e1").check({"codec": "h265", "fps": 300.0})
    with pytest.raises(DeviceLacks, match="does not show its settings"):
        find_encoder(device, MEDIA2, "e9")


def test_a_text_keeps_its_place_and_its_font_and_those_of_other_sources_are_let_be():
    source = f'<r {TT}><Profiles token="p1"><Configurations><VideoSource token="v1"/></Configurations></Profiles></r>'
    device = Recorded(GetOSDs=OSD, GetProfiles=source)
    osds = Osds(device, Profile("p1", "main", MEDIA2))
    assert (osds.texts(), osds.has_clock()) == ([""], False)
    osds.set_text("A <b>")
    assert device.sent["SetOSD"] == canonical(MEDIA2, "SetOSD", SENT_OSD)
