"""A user's own face network: how a face is prepared for it, and what its numbers mean."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def _named(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("dlib-"):
        raise ValueError("a short name such as arcface-r50: a-z, 0-9, '.', '_' and '-', not beginning with dlib-")
    return name


def _absolute(path: str) -> str:
    if not path.startswith("/") or len(path) > 500 or not path.isprintable():
        raise ValueError("the whole path of an ONNX file, such as /srv/models/arcface.onnx")
    return path


def _channels(numbers: Any) -> Any:
    return [numbers] * 3 if isinstance(numbers, int | float) else numbers


class FaceModel(BaseModel):
    """An ONNX file with one image input and one output of `dimension` numbers a face.

    A face goes in as (pixel − mean) / std. `eyes` says where the middles of the left and the right eye of the picture
    are wanted, x and y in input pixels; without it the face is set upright as dlib does it. `threshold` is a cosine, or
    for `euclidean` a distance between vectors of length one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    name: Annotated[str, AfterValidator(_named)]
    path: Annotated[str, AfterValidator(_absolute)]
    dimension: int = Field(ge=16, le=4096)
    input_size: int = Field(112, ge=32, le=512)
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)
    eyes: tuple[float, float, float, float] | None = None
    metric: Literal["cosine", "euclidean"] = "cosine"
    threshold: float | None = Field(None, gt=-1.0, lt=2.0)
    margin: float = Field(0.05, ge=0.0, le=1.0)
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")

    _three_means = field_validator("mean", "std", mode="before")(_channels)

    @model_validator(mode="after")
    def _sensible(self) -> "FaceModel":
        if min(abs(value) for value in self.std) < 1e-6:
            raise ValueError("std must not be 0")
        if self.eyes is not None and not 4 <= self.eyes[2] - self.eyes[0] <= self.input_size:
            raise ValueError(
                "eyes are left x, left y, right x, right y in input pixels, such as 38.3, 51.7, 73.5, 51.5"
            )
        if self.threshold is not None and self.metric == "cosine" and self.threshold >= 1.0:
            raise ValueError("a cosine threshold lies under 1")
        return self

    @property
    def template_name(self) -> str:
        """Return what its templates carry: another file or another way to prepare a face is another model."""
        said = self.model_dump(include={"sha256", "input_size", "channels", "mean", "std", "eyes", "dimension"})
        return f"{self.name}@{hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]}"

    @property
    def least_cosine(self) -> float | None:
        """Return the stated threshold as a cosine; None when none is stated."""
        if self.threshold is None:
            return None
        return self.threshold if self.metric == "cosine" else 1.0 - self.threshold**2 / 2.0
