"""Options of a device: the base of each driver's model, and how they are read into it."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.config import JsonDict

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import InvalidInput
from devicemgr.text import safe

Options = TypeVar("Options", bound=BaseModel)

GUARD = "password_guard"
WIDENS: JsonDict = {GUARD: "widens"}
"""`json_schema_extra` of a driver's option that, when set, sends the password to other hosts or in clear text."""
VERIFIES: JsonDict = {GUARD: "verifies"}
"""`json_schema_extra` of a driver's option that says which certificate of the device is trusted."""


class DeviceOptions(BaseModel):
    """The base of a driver's options; each field has a description, and an unknown name is refused."""

    model_config = ConfigDict(extra="forbid")


def read_options(model: type[Options], config: DeviceConfig) -> Options:
    """Return `config.options` as a `model`; InvalidInput with one line that names the options at fault."""
    try:
        return model.model_validate(dict(config.options))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'options'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise InvalidInput(f"options of {safe(config.name, 60)}: {safe(faults, 400)}") from error
