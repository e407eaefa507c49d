"""Which network addresses this computer may be made to connect to by a URL that a caller gives (SSRF).

Clouds answer with keys of the machine at link-local and a few other addresses, and what listens on loopback trusts
its neighbors. An IPv4 address may be written within an IPv6 one, so all embedded forms are judged by what they hold.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNICAST = ipaddress.IPv6Network("2000::/3")
# Not by is_loopback and is_unspecified, which from Python 3.13 on are true of the same addresses written within IPv6.
_ITSELF = frozenset(map(ipaddress.IPv6Address, ("::", "::1")))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Where the IPv4 address stands in it depends on the network (RFC 8215), so none of it can be judged.
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
# Outside the link-local ranges: Amazon's over IPv6, Alibaba's, Oracle's and Azure's services for machines.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))

NEVER = "its address is one of this computer's link or of a cloud's own services, which is never called"
PRIVATE = "its address lies within this computer or the local network, which must be allowed by its owner"


def why_not_call(text: str, *, allow_private: bool) -> str | None:
    """Return why a numeric address is not called, None if it may be; `allow_private` admits loopback and private ones.

    Every address that a packet could reach by it is judged: the one embedded in an IPv6 address too.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    found = [address, *_embedded(address)]
    if any(_is_never_called(one) for one in found):
        return NEVER
    if not allow_private and not all(_is_public(one) for one in found):
        return PRIVATE
    return None


def is_of_this_computer(text: str) -> bool:
    """Return True for a numeric address of loopback, in whatever form it is written."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return any(one.is_loopback or one in _ITSELF for one in (address, *_embedded(address)))


def _is_never_called(address: Address) -> bool:
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        return address in _LOCAL_NAT64
    return address.is_reserved or int(address) >> 24 == 0


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global
    if address in _UNICAST:
        return address.is_global or address.sixtofour is not None
    return address.ipv4_mapped is not None or address in _NAT64  # and the IPv4 address within is judged by itself


def _embedded(address: Address) -> list[Address]:
    """Return the IPv4 addresses within an IPv6 one: mapped, compatible, 6to4, NAT64, Teredo."""
    if not isinstance(address, ipaddress.IPv6Address) or address in _ITSELF:
        return []
    found: list[Address] = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    found += address.teredo or ()
    if address in _COMPATIBLE or address in _NAT64:
        found.append(ipaddress.IPv4Address(address.packed[-4:]))
    return found
