"""Reduce an SVG drawing to shapes and texts: parse it without a document type, and write what is on the allow-list.

Nothing of the input is copied: elements, attributes and values that are known to be harmless are written again, in the
SVG namespace, and everything else is left out (SVG 1.1, https://www.w3.org/TR/SVG11/).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 100
MAX_ELEMENTS = 50_000
MAX_UNITS = 1_000_000
"""The widest and the highest drawing, in units of its own."""

_SVG = "http://www.w3.org/2000/svg"
_SHAPES = frozenset({"path", "rect", "circle", "line", "polyline", "polygon", "text", "g"})
# A line of a text: its letters belong to the text around it.
_FLATTENED = frozenset({"tspan"})

# Sets of letters instead of the grammars of SVG: what is malformed draws nothing, and takes no time here.
_NUMBER = r"[+-]?[0-9.]{1,20}(?:[eE][+-]?[0-9]{1,2})?"
_LENGTH = re.compile(rf"{_NUMBER}(?:px|pt|pc|mm|cm|in|em|ex|%)?")
_NUMBERS = re.compile(r"[0-9eE+.,\s-]+")
_PATH = re.compile(r"[MmZzLlHhVvCcSsQqTtAa0-9eE+.,\s-]+")
_TRANSFORM = re.compile(r"(?:(?:matrix|translate|scale|rotate|skewX|skewY)\s?\([0-9eE+.,\s-]+\)[\s,]*)+")
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,24}|rgba?\([0-9\s.,%]{1,60}\)")
_WORD = re.compile(r"[a-z]{2,16}|[1-9]00")
_FAMILY = re.compile(r"[A-Za-z0-9 ,'-]{1,100}")

_VALUES: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height"), _LENGTH),
    **dict.fromkeys(("stroke-width", "font-size"), _LENGTH),
    **dict.fromkeys(("opacity", "fill-opacity", "stroke-opacity", "stroke-miterlimit"), _LENGTH),
    **dict.fromkeys(("fill", "stroke", "color"), _COLOR),
    **dict.fromkeys(("fill-rule", "stroke-linecap", "stroke-linejoin"), _WORD),
    **dict.fromkeys(("text-anchor", "font-weight", "font-style", "display", "visibility"), _WORD),
    "font-family": _FAMILY,
    "points": _NUMBERS,
    "d": _PATH,
    "transform": _TRANSFORM,
}
# What style may say: never where something is, or what it is made of.
_STYLES = frozenset(_VALUES) - {"x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height"}
_STYLES -= {"points", "d", "transform"}
_ABSOLUTE = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_SIDES = ("width", "height")
_SIZE = re.compile(rf"({_NUMBER})({'|'.join(unit for unit in _ABSOLUTE if unit)})?")


def reduced(content: bytes) -> tuple[bytes, int, int]:
    """Return the drawing with nothing but the allow-list in it, and its width and height in whole units.

    Raises InvalidInput for what is no SVG, has a document type, or is too big or too deep.
    """
    if len(content) > MAX_BYTES:
        raise InvalidInput("the drawing is over 1 MB; simplify it, or send it as PNG")
    reducer = _Reducer()
    for event, element in etree.iterwalk(_parsed(content), events=("start", "end")):
        if event == "start":
            reducer.start(element.tag, element.attrib)
            reducer.letters(element.text or "")
        else:
            reducer.end()
            reducer.letters(element.tail or "")
    return reducer.document()


def _parsed(content: bytes) -> Any:
    """Return the outermost element; InvalidInput for what is not valid or has a document type."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        if b"<!DOCTYPE" in content:
            raise InvalidInput("the drawing has a document type (<!DOCTYPE …>); save it as plain SVG without one")
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidInput(f"the drawing is not valid SVG: {safe(str(error), 100)}") from error
    if root.getroottree().docinfo.doctype:  # in another encoding
        raise InvalidInput("the drawing has a document type (<!DOCTYPE …>); save it as plain SVG without one")
    return root


class _Reducer:
    """Takes elements as they begin and end, and collects what is kept."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[str] = []
        """Names of the open elements that are kept; empty for one whose letters alone are."""
        self._left_out = 0
        """How many elements deep the parser is within one that is left out."""
        self._count = 0
        self._size: tuple[float, float, float, float] | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) + self._left_out >= MAX_DEPTH:
            raise InvalidInput("the drawing has too many elements, or is nested too deeply; simplify it")
        namespace, _, local = name.removeprefix("{").rpartition("}")
        if not self._open:
            if local != "svg" or namespace not in ("", _SVG) or self._size:
                raise InvalidInput("the drawing is not SVG: its outermost element is not <svg>")
            self._size = _box(attributes)
            self._open.append("svg")
        elif self._left_out or namespace not in ("", _SVG):
            self._left_out += 1
        elif local in _FLATTENED and "text" in self._open:
            self._open.append("")
        elif local in _SHAPES:
            self._open.append(local)
            self._out.append(f"<{local}{''.join(_kept(attributes))}>")
        else:
            self._left_out += 1

    def end(self) -> None:
        if self._left_out:
            self._left_out -= 1
        elif (name := self._open.pop()) not in ("", "svg"):
            self._out.append(f"</{name}>")

    def letters(self, text: str) -> None:
        if not self._left_out and "text" in self._open:
            self._out.append(escape(text))

    def document(self) -> tuple[bytes, int, int]:
        """Return what was kept, with its size."""
        if self._size is None:
            raise InvalidInput("the drawing is not SVG: it is empty")
        if not any(piece.startswith("<") and not piece.startswith(("</", "<g")) for piece in self._out):
            raise InvalidInput("nothing is left of the drawing: save its shapes as paths, or send it as PNG")
        left, top, width, height = self._size
        box = " ".join(f"{value:g}" for value in (left, top, width, height))
        head = f'<svg xmlns="{_SVG}" viewBox="{box}" width="{width:g}" height="{height:g}">'
        return (head + "".join(self._out) + "</svg>\n").encode(), max(1, round(width)), max(1, round(height))


def _box(attributes: Mapping[str, str]) -> tuple[float, float, float, float]:
    """Return left, top, width and height of the drawing, of its viewBox or else of its size."""
    stated = attributes.get("viewBox", "").replace(",", " ").split()
    numbers = [_units(part) for part in stated] or [0.0, 0.0, *(_units(attributes.get(side, "")) for side in _SIDES)]
    is_sound = len(numbers) == 4 and all(abs(number) <= MAX_UNITS for number in numbers)
    if not is_sound or min(numbers[2:]) <= 0:
        raise InvalidInput("the drawing has no size: its <svg> needs a viewBox, or width and height")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _units(text: str) -> float:
    """Return a length in units of the drawing, 0 for what is none."""
    found = _SIZE.fullmatch(text.strip())
    with suppress(ValueError):
        return float(found[1]) * _ABSOLUTE[found[2] or ""] if found else 0.0
    return 0.0


def _kept(attributes: Mapping[str, str]) -> Iterator[str]:
    """Yield the attributes that are kept; what `style` says of colors and lines becomes attributes, and goes first."""
    values = {name: value for name, value in attributes.items() if name in _VALUES}
    for part in attributes.get("style", "").split(";"):
        name, _, value = part.partition(":")
        if name.strip() in _STYLES:
            values[name.strip()] = value.strip()
    for name, value in values.items():
        if _VALUES[name].fullmatch(value.strip()):
            yield f" {name}={quoteattr(value.strip())}"
        elif name == "fill":  # a pattern or gradient, which is left out: not black, as it would be without a fill
            yield ' fill="none"'
