"""ONVIF's services by namespace, and the words of its faults. Imports no vendor library."""

from devicemgr.errors import DeviceRefused

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
IMAGING = "http://www.onvif.org/ver20/imaging/wsdl"
DEVICE_IO = "http://www.onvif.org/ver10/deviceIO/wsdl"
DOORS = "http://www.onvif.org/ver10/doorcontrol/wsdl"
ACCESS = "http://www.onvif.org/ver10/accesscontrol/wsdl"
NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
ADDRESSING = "http://www.w3.org/2005/08/addressing"

# GetCapabilities names services by element; what is under Extension counts too.
CAPABILITY = {"Media": MEDIA, "Events": EVENTS, "PTZ": PTZ, "Imaging": IMAGING, "DeviceIO": DEVICE_IO}
# Calls that need no password (ONVIF Core 5.9.4.3): that they succeed proves none.
PRE_AUTH = frozenset(
    {
        "GetWsdlUrl",
        "GetServices",
        "GetServiceCapabilities",
        "GetCapabilities",
        "GetHostname",
        "GetSystemDateAndTime",
        "GetEndpointReference",
    }
)
NO_RIGHTS = "the device does not let this user do {0}: give the user more rights, or set its password again"
CLOCK_HIDDEN = (
    "the device refuses the password and hides its clock: set its time (a wrong one looks like a wrong password), "
    "then the password"
)
LOCKED = (
    "the device has locked this account after wrong passwords ({0}); end the program that has an old one, then wait "
    "half an hour, or restart the device and give the right password"
)
_UNSUPPORTED_REASONS = ("not implemented", "not supported", "unsupported", "no such operation", "not recognized")


class OnvifFault(DeviceRefused):
    """A SOAP fault: local names of its codes, such as NotAuthorized or ActionNotSupported, and the device's reason."""

    def __init__(self, message: str, codes: tuple[str, ...] = (), reason: str = "") -> None:
        super().__init__(message)
        self.codes = codes
        self.reason = reason

    @property
    def unsupported(self) -> bool:
        """The device does not have this call."""
        return bool({"ActionNotSupported", "NotSupported", "OptionalActionNotImplemented"} & set(self.codes))

    @property
    def lacks(self) -> bool:
        """As `unsupported`, also for devices that send env:Receiver alone and put the rest into the reason's text."""
        return self.unsupported or any(words in self.reason.lower() for words in _UNSUPPORTED_REASONS)


def is_refusal(codes: tuple[str, ...], reason: str) -> bool:
    """Return True for a fault that refuses the credentials."""
    words = {code.lower() for code in codes}
    if words & {"notauthorized", "failedauthentication", "invalidsecurity", "securitytokenunavailable"}:
        return True
    return any(said in reason.lower() for said in ("not authorized", "unauthorized", "failed authentication"))


def plain(text: object, limit: int = 64) -> str:
    """Return a device's text in one printable line."""
    return "".join(c if c.isprintable() else " " for c in str(text or ""))[:limit].strip()
