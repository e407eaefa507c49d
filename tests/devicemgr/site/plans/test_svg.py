"""Hostile drawings: what is left of each holds nothing but the allow-list."""

import re
from xml.etree import ElementTree

import pytest

from devicemgr.errors import InvalidInput
from devicemgr.site.plans.svg import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, reduced

SVG = "http://www.w3.org/2000/svg"
SHAPES = {"path", "rect", "circle", "line", "polyline", "polygon", "text", "g"}
ATTRIBUTES = {
    *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "points", "d", "transform"),
    *("fill", "stroke", "color", "opacity", "fill-opacity", "stroke-opacity", "stroke-miterlimit", "stroke-width"),
    *("fill-rule", "stroke-linecap", "stroke-linejoin", "text-anchor", "font-weight", "font-style", "font-family"),
    *("font-size", "display", "visibility"),
}
KEPT = '<rect id="kept" x="1" y="1" width="8" height="8"/>'


def drawing(inside: str = "", attributes: str = "") -> bytes:
    head = f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10" {attributes}>'
    return f"{head}{KEPT}{inside}</svg>".encode()


CORPUS = {
    "script": drawing("<script>alert(1)</script>"),
    "script in CDATA": drawing("<script><![CDATA[alert(1)]]></script>"),
    "script with a prefix": drawing(f'<s:script xmlns:s="{SVG}">alert(1)</s:script>'),
    "script of HTML": drawing('<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'),
    "script by address": drawing('<script href="https://evil.example/x.js"/>'),
    "onload": drawing(attributes='onload="alert(1)"'),
    "onclick of a shape": drawing('<path d="M0 0" onclick="alert(1)" onmouseover="alert(1)"/>'),
    "event attribute in capitals": drawing('<path d="M0 0" ONLOAD="alert(1)"/>'),
    "event attribute of a namespace": drawing('<path d="M0 0" xlink:onload="alert(1)"/>'),
    "ev:listener": drawing('<e:listener xmlns:e="http://www.w3.org/2001/xml-events" event="load" handler="#x"/>'),
    "foreignObject": drawing(
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><iframe/></body></foreignObject>'
    ),
    "foreign rect": drawing(
        '<rect xmlns="http://www.w3.org/1999/xhtml" width="1"><iframe src="https://evil.example"/></rect>'
    ),
    "namespace in other letters": drawing(f'<g xmlns="{SVG.upper()}"><script>alert(1)</script></g>'),
    "no namespace": drawing('<g xmlns=""><script>alert(1)</script></g>'),
    "a with javascript": drawing('<a href="javascript:alert(1)"><rect width="1" height="1"/></a>'),
    "xlink:href": drawing('<a xlink:href="javascript:alert(1)"><text>x</text></a>'),
    "use of another file": drawing('<use href="https://evil.example/x.svg#y"/><use xlink:href="#kept"/>'),
    "image": drawing('<image href="https://evil.example/x.png"/><image xlink:href="data:image/png;base64,AA"/>'),
    "image of SVG in data": drawing('<image href="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="/>'),
    "feImage": drawing('<filter id="f"><feImage href="https://evil.example/x"/></filter>'),
    "style with import": drawing('<style>@import url("https://evil.example/x.css");</style>'),
    "style attribute": drawing(
        '<path d="M0 0" style="fill:url(https://evil.example/x);background:url(//evil.example)"/>'
    ),
    "style with an expression": drawing('<path d="M0 0" style="fill:expression(alert(1));-moz-binding:url(x)"/>'),
    "fill by address": drawing('<path d="M0 0" fill="url(https://evil.example/x#y)" stroke="url(#x)"/>'),
    "fill with escapes": drawing('<path d="M0 0" fill="u\\72l(https://evil.example/x)"/>'),
    "d with a tag": drawing('<path d="M0 0&quot;/&gt;&lt;script&gt;alert(1)&lt;/script&gt;"/>'),
    "transform with a function": drawing('<g transform="translate(1) url(https://evil.example)"><path d="M0 0"/></g>'),
    "font-family with an address": drawing('<text font-family="x;src:url(https://evil.example)">x</text>'),
    "animate of an address": drawing(
        '<a><animate attributeName="href" values="javascript:alert(1)"/><text>x</text></a>'
    ),
    "set": drawing('<path d="M0 0"><set attributeName="onload" to="alert(1)"/></path>'),
    "animateTransform": drawing('<g><animateTransform attributeName="transform" type="rotate" dur="1ms"/></g>'),
    "handler": drawing('<handler type="application/ecmascript">alert(1)</handler>'),
    "nested svg": drawing(f'<svg xmlns="{SVG}" onload="alert(1)"><script>alert(1)</script></svg>'),
    "symbol and defs": drawing('<defs><symbol id="s"><script>alert(1)</script></symbol></defs>'),
    "iframe, object, embed": drawing('<iframe src="x"/><object data="x"/><embed src="x"/>'),
    "audio and video": drawing('<video xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="alert(1)"/>'),
    "switch": drawing('<switch><foreignObject><p onclick="x"/></foreignObject></switch>'),
    "metadata": drawing(
        '<metadata><x:y xmlns:x="urn:x">secret</x:y></metadata><title>secret</title><desc>secret</desc>'
    ),
    "comment": drawing("<!-- <script>alert(1)</script> -->"),
    "processing instruction": b'<?xml-stylesheet href="https://evil.example/x.css"?>' + drawing(),
    "letters that are tags": drawing("<text><![CDATA[</text><script>alert(1)</script>]]></text>"),
    "letters by number": drawing("<text>&#60;script&#62;alert(1)&#60;/script&#62;</text>"),
    "tspan": drawing('<text>a<tspan onclick="alert(1)" href="x">b<script>alert(1)</script></tspan>c</text>'),
    "xml:base": drawing('<g xml:base="https://evil.example/"><path d="M0 0"/></g>'),
    "id and class": drawing('<g id="x" class="y" data-x="z" xml:space="preserve"><path d="M0 0"/></g>'),
    "dashes without end": drawing('<path d="M0 0H9" stroke-dasharray="0.00001" filter="url(#f)" mask="url(#m)"/>'),
    "UTF-16": drawing("<script>alert(1)</script>").decode().encode("utf-16"),
    "a declared encoding": b'<?xml version="1.0" encoding="ISO-8859-1"?>'
    + drawing("<script>\xe9</script>".encode().decode()),
}
DOCTYPE = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
REFUSED = {
    "billion laughs": DOCTYPE.encode() + drawing("<text>&c;</text>"),
    "outside entity": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + drawing("<text>&x;</text>"),
    "parameter entity": b'<!DOCTYPE svg [<!ENTITY % x SYSTEM "http://evil.example/x"> %x;]>' + drawing(),
    "document type of W3C": b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">' + drawing(),
    "namespace with a space": drawing(f'<x:g xmlns:x="{SVG} x"><x:script/></x:g>'),
    "document type in UTF-16": (DOCTYPE + drawing().decode()).encode("utf-16"),
    "unknown entity": drawing("<text>&nbsp;</text>"),
    "HTML": b"<html><script>alert(1)</script></html>",
    "XHTML": b'<svg xmlns="http://www.w3.org/1999/xhtml" viewBox="0 0 1 1"><rect/></svg>',
    "nothing": b"<svg/>",
    "no XML": b"\x00\x01\x02",
    "cut off": drawing()[:-8],
    "two roots": drawing() + drawing(),
    "no size": f'<svg xmlns="{SVG}"><rect width="1" height="1"/></svg>'.encode(),
    "size of no end": f'<svg xmlns="{SVG}" viewBox="0 0 1e99 1e99"><rect/></svg>'.encode(),
    "size that is no number": f'<svg xmlns="{SVG}" viewBox="0 0 nan inf"><rect/></svg>'.encode(),
    "negative size": f'<svg xmlns="{SVG}" viewBox="0 0 -5 5"><rect/></svg>'.encode(),
    "nothing is left": f'<svg xmlns="{SVG}" viewBox="0 0 1 1"><g><image href="x"/></g></svg>'.encode(),
    "too deep": drawing("<g>" * MAX_DEPTH + "</g>" * MAX_DEPTH),
    "too deep in what is left out": drawing("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH),
    "too many": drawing("<g/>" * MAX_ELEMENTS),
    "too big": drawing(" " * MAX_BYTES),
}


@pytest.mark.parametrize("content", CORPUS.values(), ids=CORPUS)
def test_nothing_but_the_allow_list_is_left(content):
    clean, width, height = reduced(content)
    text = clean.decode()
    assert (width, height) == (10, 10)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{{{SVG}}}svg"
    assert set(root.attrib) == {"viewBox", "width", "height"}
    for element in list(root.iter())[1:]:
        assert element.tag.removeprefix(f"{{{SVG}}}") in SHAPES
        assert set(element.attrib) <= ATTRIBUTES
        for value in element.attrib.values():
            assert not re.search(r"url|script|expression|:|\\|<|&", value, re.IGNORECASE)
    assert not re.search(r"<!|<\?|<!\[|xmlns:|<script|evil|secret| on\w+=|style=|href", text.partition(">")[2])
    assert "<rect " in text
    assert reduced(clean)[0] == clean


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_in_one_line(content):
    with pytest.raises(InvalidInput) as refused:
        reduced(content)
    assert "\n" not in str(refused.value)


def test_shapes_texts_and_colors_stay():
    inside = (
        '<g style="fill:none; stroke: #1a2b3c;stroke-width:.5" transform="translate(1,2) rotate(-45)">'
        '<path d="M1 2l3-4.5e1z"/><text x="1" font-size="3">Зал &amp; <tspan>вход</tspan></text></g>'
        '<polygon points="0,0 5,5 0,5" fill="rgb(10, 20, 30)"/>'
    )
    text = reduced(drawing(inside))[0].decode()
    assert '<g fill="none" stroke="#1a2b3c" stroke-width=".5" transform="translate(1,2) rotate(-45)">' in text or (
        'stroke="#1a2b3c"' in text and 'transform="translate(1,2) rotate(-45)"' in text
    )
    assert '<path d="M1 2l3-4.5e1z">' in text
    assert "Зал &amp; вход</text>" in text
    assert 'fill="rgb(10, 20, 30)"' in text


def test_a_gradient_leaves_no_black_area():
    assert 'fill="none"' in reduced(drawing('<circle r="2" fill="url(#gradient)"/>'))[0].decode()


def test_a_size_in_millimeters_makes_the_box():
    clean, width, height = reduced(f'<svg xmlns="{SVG}" width="25.4mm" height="1in"><rect/></svg>'.encode())
    assert (width, height) == (96, 96)
    assert b'viewBox="0 0 96 96"' in clean
