"""Card numbers: what people write and what readers read lead to the same stored number."""

import pytest
from hypothesis import given, strategies as st

from devicemgr.domain.rules.cards.formats import (
    FORMATS,
    controller_number,
    names_of,
    names_of_controller_number,
    names_of_number,
    parse_number,
    whole_number,
)
from devicemgr.domain.rules.cards.frames import frames_of, is_same_card, notations_of, shared_cards
from devicemgr.domain.rules.cards.layouts import COMMON, frame_value
from devicemgr.errors import InvalidInput


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


@given(st.sampled_from(COMMON), st.data())
def test_every_format_is_read_as_it_is_printed(layout, data):
    facility = data.draw(st.integers(0, (1 << layout.facility) - 1)) if layout.facility else 0
    number = data.draw(st.integers(1, (1 << layout.number) - 1))
    names = names_of(*wiegand(layout, facility, number), layout.name)
    printed = f"{facility}:{number}" if layout.facility else str(number)
    assert parse_number(printed) in names
    assert parse_number(hex((facility << layout.number) | number)) in names
    assert parse_number(names[-1]) == names[-1]


def layout_named(name):
    return next(form for form in FORMATS if form.name == name)


def counted_parities(bits, checks):
    """`bits` from the left, parities as `?`; each check is (place, odd, places counted from 1), set in order."""
    found = list(bits)
    for place, odd, counted in checks:
        ones = sum(found[at - 1] == "1" for at in counted if at != place)
        found[place - 1] = str((ones + odd) % 2)
    return "".join(found)


def pairs_of_bits(start, last):
    """start, start+1, start+3, start+4, …: two counted, one left out."""
    return [at for at in range(start, last + 1) if (at - start) % 3 != 2]


@pytest.mark.parametrize(("facility", "number"), [(365, 288652), (1, 1), (4095, 1048575), (118, 1603), (0, 5)])
def test_corporate_1000_of_35_bits(facility, number):
    # HID Corporate 1000, 35 bits: P P F{12} N{20} P; even over 3, 4, 6, 7 …, odd over 2, 3, 5, 6 …, then odd over all
    # (Proxmark3, client/src/wiegand_formats.c, C1k35s; cardinfo.barkweb.com.au).
    bits = counted_parities(
        f"??{facility:012b}{number:020b}?",
        [(2, 0, pairs_of_bits(3, 34)), (35, 1, pairs_of_bits(2, 34)), (1, 1, range(2, 36))],
    )
    assert f"{frame_value(layout_named('wiegand35'), facility << 20 | number):035b}" == bits
    names = names_of(35, int(bits + "00000", 2).to_bytes(5, "big"))
    assert names[0] == f"{facility}:{number}"
    assert is_same_card(f"{facility}:{number}", names[-1])


@pytest.mark.parametrize(("facility", "number"), [(1, 1), (4194303, 8388607), (222, 12345)])
def test_corporate_1000_of_48_bits(facility, number):
    # P P F{22} N{23} P; even over 4, 5, 7, 8 …, odd over 3, 4, 6, 7 …, odd over all (Proxmark3, C1k48s).
    bits = counted_parities(
        f"??{facility:022b}{number:023b}?",
        [(2, 0, pairs_of_bits(4, 47)), (48, 1, pairs_of_bits(3, 47)), (1, 1, range(2, 49))],
    )
    assert f"{frame_value(layout_named('wiegand48'), facility << 23 | number):048b}" == bits
    assert f"{facility}:{number}" in names_of(48, int(bits, 2).to_bytes(6, "big"))


@pytest.mark.parametrize(("facility", "issue", "number"), [(80, 0, 58400), (255, 0, 16777215), (80, 1, 58400)])
def test_simplex_of_36_bits(facility, issue, number):
    # HID S12906: P F{8} I{2} N{24} P; odd over 2 to 18 and over 18 to 35 (Proxmark3, S12906).
    bits = counted_parities(f"?{facility:08b}{issue:02b}{number:024b}?", [(1, 1, range(2, 19)), (36, 1, range(18, 36))])
    names = names_of(36, int(bits + "0000", 2).to_bytes(5, "big"))
    # Another issue is another card: the first was lost.
    assert (f"{facility}:{number}" in names) == (issue == 0)
    assert names[-1] == f"raw:36:{int(bits, 2):09X}"


@pytest.mark.parametrize(("name", "width"), [("40", 38), ("42", 40), ("50", 48), ("58", 56), ("66", 64)])
def test_a_whole_number_between_two_parities(name, width):
    # Casi-Rusco C10106 (Proxmark3, Casi40), and bytes of a UID between two parities, as 26 and 34 bits have them.
    payload = (1 << width) * 2 // 3
    half = width // 2
    bits = f"{payload:0{width}b}"
    bits = f"{bits[:half].count('1') % 2}{bits}{1 - bits[half:].count('1') % 2}"
    assert f"{frame_value(layout_named('wiegand' + name), payload):0{width + 2}b}" == bits


def test_a_number_and_the_one_between_parities_are_two_cards():
    assert not is_same_card("10", "21")
    assert not is_same_card("10", str(frame_value(layout_named("wiegand40"), 10)))


@pytest.mark.parametrize("bits", [32, 35, 36, 40, 48, 56, 64])
def test_a_card_without_a_layout_is_its_whole_number_whatever_its_parities(bits):
    for value in range(1, 40):
        assert str(value) in names_of(bits, (value << (-bits % 8)).to_bytes((bits + 7) // 8, "big"))


def test_a_37_bit_card_answers_to_both_layouts_that_hold():
    layout = next(form for form in FORMATS if form.name == "wiegand37")
    assert names_of(*wiegand(layout, 1000, 123456))[:2] == ("1000:123456", str((1000 << 19) | 123456))


@pytest.mark.parametrize(
    ("bits", "data", "form"),
    [
        (0, b"", "auto"),
        (129, bytes(17), "auto"),
        (26, b"\x01", "auto"),
        (26, bytes(4), "auto"),
        (32, bytes(4), "auto"),
        (26, bytes.fromhex("A8721000"), "wiegand26"),
        (34, bytes.fromhex("A872104000"), "wiegand26"),
    ],
)
def test_what_is_no_card_has_no_name(bits, data, form):
    assert names_of(bits, data, form) == ()


@given(st.integers(-5, 200), st.binary(max_size=20), st.sampled_from(["auto", "raw", "wiegand26", "wiegand37"]))
def test_no_bits_from_a_reader_break_it(bits, data, form):
    for name in names_of(bits, data, form):
        assert parse_number(name) == name


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("80:58400", "80:58400"),
        (" 080/58400 ", "80:58400"),
        ("80,58400", "80:58400"),
        ("080-58400", "80:58400"),
        ("5301280", "5301280"),
        ("0005301280", "5301280"),
        ("0x50E420", "5301280"),
        ("50e42F", "5301295"),
        ("raw:26:2a1c841", "raw:26:2A1C841"),
    ],
)
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
def test_one_card_at_a_controller_a_console_and_a_reader(facility, number):
    whole = facility << 16 | number
    at_reader = names_of(*wiegand(FORMATS[0], facility, number), "wiegand26")
    told = int(f"{facility:d}{number:05d}")
    for stored in at_reader:
        assert (controller_number(stored), whole_number(stored)) == (told, whole)
        assert stored in names_of_controller_number(told)
        assert stored in names_of_number(whole)
    assert set(names_of_controller_number(told)) == set(names_of_number(whole)) == set(at_reader)


def test_the_ten_printed_digits_are_another_number_at_a_controller():
    # Printed on one card: 0012345678 188,24910.
    assert controller_number("12345678") == controller_number("188:24910") == 18824910
    assert "12345678" in names_of_controller_number(18824910)
    assert "12345678" not in names_of_controller_number(12345678)
    assert "123:45678" in names_of_controller_number(12345678)


def test_a_34_bit_card_at_a_controller():
    assert controller_number("388575490") == 388575490  # uhppote-core issue 15
    assert "388575490" in names_of_controller_number(388575490)
    assert "388575490" not in names_of_controller_number(388575491)


@pytest.mark.parametrize("stored", ["18824910", "388:57549", "raw:40:123456789A", "1000:123456", "99999999999", "0:0"])
def test_a_card_that_a_controller_reads_as_none_or_as_another(stored):
    assert controller_number(stored) is None


def test_a_card_that_a_console_can_not_hold_as_one_number():
    assert whole_number("1000:123456") is None
    assert whole_number("raw:26:2A1C840") is None  # its parity is wrong
    assert whole_number("raw:32:DEADBEEF") == 0xDEADBEEF
    assert names_of_number(0) == names_of_number(-1) == names_of_controller_number(0) == ()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("04:AF:68:DA:C8:5A:80", str(0x04AF68DAC85A80)),
        ("04 a2 b3 c4", str(0x04A2B3C4)),
        ("0012345678 188,24910", "188:24910"),
        ("12345678 188:24910", "188:24910"),
    ],
)
def test_a_uid_as_phones_show_it_and_the_pair_on_a_card(written, stored):
    assert parse_number(written) == stored


@pytest.mark.parametrize("written", ["0012345678 188,24911", "12345678 300,5", "04:AF:68:DA:C8", "04:AF-68:DA"])
def test_a_pair_that_is_not_one_card_and_half_a_uid(written):
    with pytest.raises(InvalidInput, match="no card number"):
        parse_number(written)


SAME = [
    ("80:58400", "5301280"),
    ("80:58400", "raw:26:2A1C841"),
    ("5301280", "raw:26:2A1C841"),
    ("44156993", "raw:26:2A1C841"),
    ("44156993", "80:58400"),
    ("0:77", "77"),
    ("1000:123456", str(1000 << 19 | 123456)),
    ("388:57549", str(388 << 16 | 57549)),
    ("388:57549", str(388 << 19 | 57549)),
    (str(0x04A2B3C4), str(0xC4B3A204)),
    ("raw:32:04A2B3C4", str(0xC4B3A204)),
    ("raw:32:04A2B3C4", "raw:32:C4B3A204"),
    (str(0x04AF68DAC85A80), str(0x805AC8DA68AF04)),
    ("80:4242", str(80 << 32 | 4242)),
    # A Corporate 1000 card, and all its 35 bits as one number, as 0.1.0 read it.
    ("365:288652", str(0x62DA8CF18)),
    ("raw:35:62DA8CF18", str(0x62DA8CF18)),
    # The UID 04:AF:68:DA:C8:5A:80 between two parities, in both byte orders.
    ("raw:58:2095ED1B590B501", "raw:58:300B591B4D15E09"),
]
OTHER = [
    ("12345678", "123:45678"),
    ("80:58400", "8058400"),
    ("10", "20"),
    ("10", "21"),
    ("80:58400", "80:58401"),
    ("53:1280", "5301280"),
    ("raw:26:0000001", "raw:34:000000001"),
]


@pytest.mark.parametrize("pair", [*SAME, *OTHER])
def test_one_card_under_two_notations_is_known_from_either_side(pair):
    one, other = pair
    assert is_same_card(one, other) == is_same_card(other, one) == (pair in SAME)
    assert (one in notations_of(other)) == (other in notations_of(one)) == (pair in SAME)
    assert (shared_cards({one: "A", other: "B"}) != []) == (pair in SAME)
    assert shared_cards({one: "A", other: "A"}) == []


NUMBERS = st.one_of(
    st.integers(1, (1 << 40) - 1).map(str),
    st.tuples(st.integers(0, 65535), st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}"),
)


@given(NUMBERS, st.sampled_from(COMMON), st.integers(1, (1 << 24) - 1))
def test_two_people_never_hold_what_one_reading_answers_to(stored, layout, payload):
    """Whatever a reader, a console or a controller reads: its names are all one card."""
    number = payload & ((1 << layout.number) - 1)
    for names in (
        names_of(*wiegand(layout, 0, number)),
        names_of_number(int(stored) if stored.isdigit() else payload),
        names_of_controller_number(payload),
    ):
        assert all(is_same_card(one, other) for one in names for other in names)


@pytest.mark.parametrize("facility", [0, 1, 80, 255])
def test_the_cards_of_one_box_are_not_each_other(facility):
    """Cards are bought with one facility code and numbers in a row; 0 is what some printers leave there."""
    holder = {}
    for number in range(1, 600):
        for frame in frames_of(f"{facility}:{number}"):
            assert holder.setdefault(frame, number) == number, frame
