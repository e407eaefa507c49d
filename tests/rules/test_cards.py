"""Card numbers: what people write and what readers read lead to the same stored number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicemgr.errors import InvalidInput
from devicemgr.rules.cards import FORMATS, names_of, names_of_number, parse_number, printed_number


def wiegand(layout, facility, number):
    """Bits by the published layout, parities counted one by one."""
    payload = format(facility, f"0{layout.facility}b") if layout.facility else ""
    payload += format(number, f"0{layout.number}b")
    first, last = payload[: layout.even - 1], payload[len(payload) - (layout.even - 1) :]
    bits = str(first.count("1") % 2) + payload + str(1 - last.count("1") % 2)
    padded = bits + "0" * (-len(bits) % 8)
    return len(bits), int(padded, 2).to_bytes(len(padded) // 8, "big")


def test_a_26_bit_card_by_hand():
    # facility 80 = 01010000, number 58400 = 1110010000100000; the first half has 5 ones, the last 4.
    assert names_of(26, bytes.fromhex("A8721040")) == ("80:58400", "5301280", "raw:26:2A1C841")
    assert names_of(26, bytes.fromhex("A8721000")) == ("44156992", "raw:26:2A1C840")  # the last parity is wrong


@given(st.sampled_from(FORMATS), st.data())
def test_every_format_is_read_as_it_is_printed(layout, data):
    facility = data.draw(st.integers(0, (1 << layout.facility) - 1)) if layout.facility else 0
    number = data.draw(st.integers(1, (1 << layout.number) - 1))
    names = names_of(*wiegand(layout, facility, number), layout.name)
    printed = f"{facility}:{number}" if layout.facility else str(number)
    assert parse_number(printed) in names
    assert parse_number(hex((facility << layout.number) | number)) in names
    assert parse_number(names[-1]) == names[-1]


def test_a_37_bit_card_answers_to_both_layouts_that_hold():
    layout = next(form for form in FORMATS if form.name == "wiegand37")
    assert names_of(*wiegand(layout, 1000, 123456))[:2] == ("1000:123456", str((1000 << 19) | 123456))


@pytest.mark.parametrize(
    ("bits", "data", "form"),
    [
        (0, b"", "auto"), (129, bytes(17), "auto"), (26, b"\x01", "auto"), (26, bytes(4), "auto"),
        (32, bytes(4), "auto"),
        (26, bytes.fromhex("A8721000"), "wiegand26"), (34, bytes.fromhex("A872104000"), "wiegand26"),
    ],
)  # fmt: skip
def test_what_is_no_card_has_no_name(bits, data, form):
    assert names_of(bits, data, form) == ()


@given(st.integers(-5, 200), st.binary(max_size=20), st.sampled_from(["auto", "raw", "wiegand26", "wiegand37"]))
def test_no_bits_from_a_reader_break_it(bits, data, form):
    for name in names_of(bits, data, form):
        assert parse_number(name) == name


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("80:58400", "80:58400"), (" 080/58400 ", "80:58400"), ("80,58400", "80:58400"), ("080-58400", "80:58400"),
        ("5301280", "5301280"), ("0005301280", "5301280"), ("0x50E420", "5301280"), ("50e42F", "5301295"),
        ("raw:26:2a1c841", "raw:26:2A1C841"),
    ],
)  # fmt: skip
def test_people_write_one_card_in_many_ways(written, stored):
    assert parse_number(written) == stored


@pytest.mark.parametrize(
    "written", ["", "0", "0x0", "card", "80:", "raw:4:FF", "raw:0:0", "-5", "1" * 40, "８０:1", "\u202e1"]
)
def test_what_is_no_card_number_is_refused_in_one_line(written):
    with pytest.raises(InvalidInput, match=r"card number|number; write raw") as caught:
        parse_number(written)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 255), st.integers(1, 65535))
def test_devices_that_hold_one_decimal_number(facility, number):
    printed = printed_number(f"{facility}:{number}")
    assert printed is not None
    assert (f"{facility}:{number}" in names_of_number(printed)) == (facility > 0)
    assert str(printed) in names_of_number(printed)


def test_a_card_that_such_a_device_can_not_hold():
    assert printed_number("1000:123456") is None
    assert printed_number("raw:26:2A1C841") is None
    assert names_of_number(0) == names_of_number(-1) == ()
