"""What a source or an outlet states, checked by its model."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

Fields = TypeVar("Fields", bound=BaseModel)


def validated(model: type[Fields], stated: Mapping[str, Any]) -> Fields:
    """Return the fields that are stated; InvalidInput names the first one that is wrong."""
    try:
        return model.model_validate(dict(stated))
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(safe(f"{at}: {first['msg']}".removeprefix(": ").replace("Value error, ", ""))) from error
