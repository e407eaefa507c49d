"""Options of a device, as the core reads them."""

from devicemgr.domain.ports.options import read_options

__all__ = ["read_options"]
