import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.errors import SystemFault
from enrollment.models import native
from enrollment.models.dlib_weights import (
    MAX_BYTES,
    AddPrevious,
    Affine,
    Connected,
    Convolution,
    Mark,
    Pool,
    Relu,
    read_network,
)

DATA = native.model_file(native.NETWORK).read_bytes()
FIRST_TENSOR = DATA.index(b"\x01\x05con_4") + 7


@pytest.fixture(scope="module")
def network():
    return read_network(DATA)


def refused(data):
    with pytest.raises(SystemFault) as fault:
        read_network(bytes(data))
    assert str(fault.value).startswith("dlib's face network is damaged (")
    assert "install devicemgr again" in str(fault.value)
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_it_is_the_residual_network_of_29_convolutions(network):
    kinds = [type(layer) for layer in network.layers]
    assert (kinds.count(Convolution), kinds.count(Affine), kinds.count(Relu)) == (29, 29, 29)
    assert (kinds.count(AddPrevious), kinds.count(Mark), kinds.count(Connected)) == (14, 22, 1)
    assert network.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-4)
    assert network.side == 150
    assert network.layers[0].filters.shape == (32, 3, 7, 7)
    assert (network.layers[0].stride, network.layers[0].padding) == (2, 0)
    assert network.layers[3] == Pool("max", 3, 2)
    assert network.layers[-2] == Pool("avg", 0, 1)
    assert network.layers[-1].weights.shape == (256, 128)


def test_every_weight_of_the_file_is_in_a_layer(network):
    count = 0
    for layer in network.layers:
        match layer:
            case Convolution():
                assert (layer.stride, layer.padding) in ((1, 1), (2, 0))
                count += layer.filters.size + layer.bias.size
            case Affine():
                count += layer.gamma.size + layer.beta.size
            case Connected():
                count += layer.weights.size
    assert 0 < len(DATA) - 4 * count < 14_000


def test_values_are_the_files_own_float32(network):
    start = FIRST_TENSOR + 11
    assert DATA[FIRST_TENSOR:start].hex() == "0102028012010101010101"[: 2 * (start - FIRST_TENSOR)]
    (first,) = struct.unpack("<f", DATA[start : start + 4])
    assert network.layers[0].filters[0, 0, 0, 0] == np.float32(first)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_cut_short_anywhere_it_is_refused(length):
    refused(DATA[:length])


@pytest.mark.parametrize("length", [*range(0, 400, 7), len(DATA) - 1])
def test_cut_short_in_its_head_or_last_byte_it_is_refused(length):
    refused(DATA[:length])


def test_more_than_the_network_is_refused():
    assert "1 bytes too many" in refused(DATA + b"\0")
    assert "bytes" in refused(bytes(MAX_BYTES + 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, FIRST_TENSOR + 10), st.integers(1, 255))
def test_a_flipped_head_is_refused_or_another_number(place, mask):
    spoilt = bytearray(DATA)
    spoilt[place] ^= mask
    try:
        found = read_network(bytes(spoilt))
    except SystemFault:
        return
    # Only values that carry no structure: the mean, the loss's two numbers.
    assert found.side == 150
    assert len(found.layers) == 130


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data):
    refused(data)


def integer(value, size):
    return bytes([size]) + value.to_bytes(size, "little")


@pytest.mark.parametrize(
    "sizes",
    [
        [integer(2**24, 4)] * 4,
        [integer(2**62, 8), *[b"\1\1"] * 3],
        [b"\x81\x05", *[b"\1\1"] * 3],
        [b"\1\0", *[b"\1\1"] * 3],
        [b"\x0f" + b"\xff" * 15, *[b"\1\1"] * 3],
        [b"\0", *[b"\1\1"] * 3],
    ],
    ids=["all of 2^24", "2^62", "negative", "none", "a 15-byte integer", "an integer of no bytes"],
)
def test_a_tensor_of_an_absurd_size_is_refused_before_it_is_made(sizes):
    refused(DATA[: FIRST_TENSOR + 2] + b"".join(sizes) + DATA[FIRST_TENSOR + 11 :])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_refused(value):
    spoilt = bytearray(DATA)
    spoilt[FIRST_TENSOR + 11 : FIRST_TENSOR + 15] = struct.pack("<f", value)
    assert "no number" in refused(spoilt)


@pytest.mark.parametrize(("name", "other"), [(b"con_4", b"con_9"), (b"affine_", b"bn_con_"), (b"fc_2", b"fc_3")])
def test_a_layer_it_does_not_know_is_refused(name, other):
    assert "unknown layer" in refused(DATA.replace(name, other, 1))


def test_zero_is_a_number_of_no_layers():
    spoilt = DATA.replace(b"loss_metric_2", b"loss_metric_3", 1)
    assert "no loss_metric_2" in refused(spoilt)
    assert "list of layers" in refused(DATA[:33] + b"\1\4" + DATA[35:])
