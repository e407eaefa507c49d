"""The device service (ONVIF Core, devicemgmt.wsdl): identity, clock, users, network, relays."""

from datetime import datetime
from xml.sax.saxutils import escape

from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.services import io
from drivers.sim.onvif.soap import PREFIXES, SoapFault, no_such, not_supported
from drivers.sim.onvif.state import User

# prefix: path below /onvif/, version, name in GetCapabilities ("" for services that it doesn't know).
SERVICES = {
    "tds": ("device_service", (16, 12), "Device"),
    "trt": ("media_service", (2, 60), "Media"),
    "tr2": ("media2_service", (2, 60), ""),
    "tev": ("event_service", (2, 60), "Events"),
    "tptz": ("ptz_service", (2, 50), "PTZ"),
    "timg": ("imaging_service", (2, 50), "Imaging"),
    "tmd": ("deviceio_service", (2, 60), "DeviceIO"),
    "tdc": ("door_service", (1, 0), ""),
    "tac": ("access_service", (1, 0), ""),
}


def address(call: Call, prefix: str) -> str:
    """Return a service's announced address."""
    return f"{call.base}/onvif/{SERVICES[prefix][0]}"


def get_system_date_and_time(call: Call) -> str:
    """Return the clock's source, the time zone and the UTC time."""
    state = call.state
    return (
        f"<tds:SystemDateAndTime><tt:DateTimeType>{state.time_source}</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>{escape(state.timezone)}</tt:TZ></tt:TimeZone>"
        f"<tt:UTCDateTime>{_moment(call.now)}</tt:UTCDateTime></tds:SystemDateAndTime>"
    )


def _moment(now: datetime) -> str:
    return (
        f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
        "</tt:Date>"
    )


def set_system_date_and_time(call: Call) -> str:
    """Set the clock or its source; refuse Manual without a time."""
    source = call.request.text("DateTimeType", call.state.time_source)
    if source == "Manual" and not call.request.has("UTCDateTime"):
        raise SoapFault("a time set by hand must be given", "ter:InvalidArgVal", "ter:InvalidDateTime")
    call.state.time_source = source
    call.state.timezone = call.request.text("TZ", call.state.timezone)
    return ""


def get_services(call: Call) -> str:
    """List the services with address and version."""
    return "".join(
        f"<tds:Service><tds:Namespace>{PREFIXES[p]}</tds:Namespace><tds:XAddr>{escape(address(call, p))}</tds:XAddr>"
        f"<tds:Version><tt:Major>{SERVICES[p][1][0]}</tt:Major><tt:Minor>{SERVICES[p][1][1]}</tt:Minor></tds:Version>"
        "</tds:Service>"
        for p in call.services
    )


def get_capabilities(call: Call) -> str:
    """List the services in the older form of GetCapabilities."""
    plain, extended = "", ""
    for prefix in call.services:
        name = SERVICES[prefix][2]
        if not name:
            continue
        more = "<tt:StreamingCapabilities/>" if name == "Media" else ""
        if name == "Events":
            more = (
                "<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>false"
                "</tt:WSPullPointSupport><tt:WSPausableSubscriptionManagerInterfaceSupport>false"
                "</tt:WSPausableSubscriptionManagerInterfaceSupport>"
            )
        part = f"<tt:{name}><tt:XAddr>{escape(address(call, prefix))}</tt:XAddr>{more}</tt:{name}>"
        if name == "DeviceIO":
            extended += part
        else:
            plain += part
    extension = f"<tt:Extension>{extended}</tt:Extension>" if extended else ""
    return f"<tds:Capabilities>{plain}{extension}</tds:Capabilities>"


def get_device_information(call: Call) -> str:
    """Return maker, model, firmware and serial number."""
    s = call.state
    return (
        f"<tds:Manufacturer>{escape(s.manufacturer)}</tds:Manufacturer><tds:Model>{escape(s.model)}</tds:Model>"
        f"<tds:FirmwareVersion>{escape(s.firmware)}</tds:FirmwareVersion><tds:SerialNumber>{escape(s.serial)}"
        "</tds:SerialNumber><tds:HardwareId>SIM</tds:HardwareId>"
    )


def get_hostname(call: Call) -> str:
    """Return the host name, and whether DHCP sets it."""
    s = call.state
    return (
        f"<tds:HostnameInformation><tt:FromDHCP>{str(s.hostname_from_dhcp).lower()}</tt:FromDHCP>"
        f"<tt:Name>{escape(s.hostname)}</tt:Name></tds:HostnameInformation>"
    )


def set_hostname(call: Call) -> str:
    """Set the host name; refuse characters that no DNS name has."""
    name = call.request.text("Name")
    if not name or not all(c.isascii() and (c.isalnum() or c in "-.") for c in name):
        raise SoapFault("bad hostname", "ter:InvalidArgVal", "ter:InvalidHostname")
    call.state.hostname, call.state.hostname_from_dhcp = name, False
    return ""


def set_hostname_from_dhcp(call: Call) -> str:
    """Set whether DHCP sets the host name."""
    call.state.hostname_from_dhcp = call.request.text("FromDHCP") in ("true", "1")
    return "<tds:RebootNeeded>false</tds:RebootNeeded>"


def get_ntp(call: Call) -> str:
    """List the NTP servers, and whether DHCP sets them."""
    s = call.state
    servers = "".join(
        f"<tt:NTPManual><tt:Type>DNS</tt:Type><tt:DNSname>{escape(name)}</tt:DNSname></tt:NTPManual>" for name in s.ntp
    )
    return (
        f"<tds:NTPInformation><tt:FromDHCP>{str(s.ntp_from_dhcp).lower()}</tt:FromDHCP>{servers}</tds:NTPInformation>"
    )


def set_ntp(call: Call) -> str:
    """Replace the NTP servers."""
    call.state.ntp_from_dhcp = call.request.text("FromDHCP") in ("true", "1")
    names = [*call.request.all("IPv4Address"), *call.request.all("IPv6Address"), *call.request.all("DNSname")]
    call.state.ntp = [str(node.text or "").strip() for node in names]
    return ""


def get_users(call: Call) -> str:
    """List the users with their levels, without passwords."""
    return "".join(
        f"<tds:User><tt:Username>{escape(name)}</tt:Username><tt:UserLevel>{user.level}</tt:UserLevel></tds:User>"
        for name, user in call.state.users.items()
    )


def _users(call: Call) -> list[tuple[str, str, str]]:
    found = []
    for node in call.request.all("User"):
        fields = {child.tag.rpartition("}")[2]: str(child.text or "") for child in node}
        found.append((fields.get("Username", ""), fields.get("Password", ""), fields.get("UserLevel", "User")))
    return found


def create_users(call: Call) -> str:
    """Add users; refuse a name that exists."""
    for name, password, level in _users(call):
        if name in call.state.users:
            raise SoapFault("there is such a user", "ter:OperationProhibited", "ter:UsernameClash")
        call.state.users[name] = User(password, level)
    return ""


def set_user(call: Call) -> str:
    """Change passwords or levels of existing users; an empty password keeps the old one."""
    for name, password, level in _users(call):
        if name not in call.state.users:
            raise no_such("user", "ter:UsernameMissing")
        call.state.users[name] = User(password or call.state.users[name].password, level)
    return ""


def delete_users(call: Call) -> str:
    """Delete users; refuse the one who makes the request."""
    names = [str(node.text or "") for node in call.request.all("Username")]
    if call.user in names:
        raise SoapFault("a user does not delete itself", "ter:InvalidArgVal", "ter:FixedUser")
    for name in names:
        if call.state.users.pop(name, None) is None:
            raise no_such("user", "ter:UsernameMissing")
    return ""


def get_network_protocols(call: Call) -> str:
    """List the network protocols with their ports."""
    return "".join(
        f"<tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{str(enabled).lower()}</tt:Enabled>"
        f"<tt:Port>{port}</tt:Port></tds:NetworkProtocols>"
        for name, (enabled, port) in call.state.protocols.items()
    )


def set_network_protocols(call: Call) -> str:
    """Switch network protocols on or off, and set their ports."""
    for node in call.request.all("NetworkProtocols"):
        fields = {child.tag.rpartition("}")[2]: str(child.text or "") for child in node}
        name = fields.get("Name", "")
        if name not in call.state.protocols:
            raise SoapFault("no such protocol", "ter:InvalidArgVal", "ter:ServiceNotSupported")
        port = int(fields.get("Port") or call.state.protocols[name][1])
        call.state.protocols[name] = (fields.get("Enabled") in ("true", "1"), port)
    return ""


def get_network_interfaces(call: Call) -> str:
    """Return the one network interface, with the address of this request."""
    host = call.base.partition("//")[2].rpartition(":")[0]
    return (
        '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>'
        "<tt:HwAddress>02:00:00:00:00:01</tt:HwAddress></tt:Info><tt:IPv4><tt:Enabled>true</tt:Enabled><tt:Config>"
        f"<tt:Manual><tt:Address>{host}</tt:Address><tt:PrefixLength>24</tt:PrefixLength></tt:Manual>"
        "<tt:DHCP>false</tt:DHCP></tt:Config></tt:IPv4></tds:NetworkInterfaces>"
    )


def get_discovery_mode(call: Call) -> str:
    """Return whether the device answers WS-Discovery."""
    return f"<tds:DiscoveryMode>{call.state.discovery}</tds:DiscoveryMode>"


def set_discovery_mode(call: Call) -> str:
    """Set whether the device answers WS-Discovery."""
    call.state.discovery = call.request.text("DiscoveryMode", call.state.discovery)
    return ""


def get_scopes(call: Call) -> str:
    """List the fixed and the configurable scopes."""
    fixed = ["onvif://www.onvif.org/Profile/S", f"onvif://www.onvif.org/name/{call.state.model}"]
    return "".join(
        f"<tds:Scopes><tt:ScopeDef>{kind}</tt:ScopeDef><tt:ScopeItem>{escape(item)}</tt:ScopeItem></tds:Scopes>"
        for kind, items in (("Fixed", fixed), ("Configurable", call.state.scopes))
        for item in items
    )


def system_reboot(call: Call) -> str:
    """Restart, shortly after the answer has been sent."""
    call.around.after(0.1, lambda _: call.around.reboot())  # the answer leaves first
    return "<tds:Message>Rebooting</tds:Message>"


def start_firmware_upgrade(call: Call) -> str:
    """Return where to upload firmware; refuse if the device takes none."""
    if not call.state.takes_firmware:
        raise not_supported()
    address = f"{call.base}/upload"
    return (
        f"<tds:UploadUri>{escape(address)}</tds:UploadUri><tds:UploadDelay>PT0.1S</tds:UploadDelay>"
        "<tds:ExpectedDownTime>PT1S</tds:ExpectedDownTime>"
    )


OPERATIONS: dict[str, Operation] = {
    "GetSystemDateAndTime": get_system_date_and_time,
    "SetSystemDateAndTime": set_system_date_and_time,
    "GetServices": get_services,
    "GetCapabilities": get_capabilities,
    "GetDeviceInformation": get_device_information,
    "GetHostname": get_hostname,
    "SetHostname": set_hostname,
    "SetHostnameFromDHCP": set_hostname_from_dhcp,
    "GetNTP": get_ntp,
    "SetNTP": set_ntp,
    "GetUsers": get_users,
    "CreateUsers": create_users,
    "SetUser": set_user,
    "DeleteUsers": delete_users,
    "GetNetworkProtocols": get_network_protocols,
    "SetNetworkProtocols": set_network_protocols,
    "GetNetworkInterfaces": get_network_interfaces,
    "GetDiscoveryMode": get_discovery_mode,
    "SetDiscoveryMode": set_discovery_mode,
    "GetScopes": get_scopes,
    "SystemReboot": system_reboot,
    "GetRelayOutputs": io.get_relay_outputs,
    "SetRelayOutputSettings": io.set_relay_output_settings,
    "SetRelayOutputState": io.set_relay_output_state,
    "StartFirmwareUpgrade": start_firmware_upgrade,
}
