"""Reads a device's options into its driver's pydantic model."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import InvalidInput
from devicemgr.text import safe

Options = TypeVar("Options", bound=BaseModel)


def read_options(model: type[Options], config: DeviceConfig) -> Options:
    """`config.options` as a `model`; InvalidInput with one line that names the options at fault."""
    try:
        return model.model_validate(dict(config.options))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'options'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise InvalidInput(f"options of {safe(config.name, 60)}: {safe(faults, 400)}") from error
