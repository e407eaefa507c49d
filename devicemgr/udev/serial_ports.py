"""The serial adapters that are plugged in now, as the kernel and udev describe them."""

from typing import Any

from devicemgr.errors import SystemFault
from devicemgr.udev.rules import Port

_MAX_STRING = 126  # of a USB string descriptor


def usb_serial_ports() -> list[Port]:
    """All ports of USB serial adapters, by USB port; SystemFault without libudev."""
    found = [port for device in _context().list_devices(subsystem="tty") if (port := _port(device))]
    return sorted(found, key=lambda port: (_natural(port.usb_port), port.interface or "", port.path))


def _context() -> Any:
    try:
        import pyudev  # noqa: PLC0415 - libudev, which only this needs

        return pyudev.Context()
    except (ImportError, OSError) as error:
        raise SystemFault(f"libudev can't be used ({error}); apt-get install libudev1") from error


def _port(device: Any) -> Port | None:
    usb = device.find_parent("usb", "usb_device")
    if usb is None or not device.device_node:
        return None
    interface, line = device.find_parent("usb", "usb_interface"), device.find_parent("usb-serial")
    properties = device.properties
    return Port(
        path=device.device_node,
        vid=_text(usb, "idVendor") or "",
        pid=_text(usb, "idProduct") or "",
        serial=_text(usb, "serial"),
        product=_text(usb, "product") or properties.get("ID_MODEL_FROM_DATABASE") or "",
        usb_port=usb.sys_name,
        interface_path=interface.sys_name if interface else usb.sys_name,
        id_path=properties.get("ID_PATH"),
        interface=_text(interface, "bInterfaceNumber"),
        port_number=_text(line, "port_number"),
        links=tuple(properties.get("DEVLINKS", "").split()),
    )


def _text(device: Any, attribute: str) -> str | None:
    """Return an attribute as udev compares it, without the white space at its end; None where there is none."""
    if device is None:
        return None
    raw: bytes | None = device.attributes.get(attribute)
    text = raw.decode("utf-8", "replace").rstrip()[:_MAX_STRING] if raw else ""
    return text or None


def _natural(usb_port: str) -> list[int]:
    return [int(part) for part in usb_port.replace("-", ".").split(".") if part.isdigit()]
