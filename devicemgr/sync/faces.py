"""Which face samples go to a device with the people that it is given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from devicemgr.domain.desired_state import Desired, Record, Samples
from devicemgr.domain.ports.device import Holding


def with_faces(
    keys: Sequence[str],
    desired: Desired,
    there: Mapping[str, Holding],
    records: Mapping[str, Record],
    unsure: Collection[str],
    samples: Samples,
) -> tuple[dict[str, bytes], list[Holding]]:
    """Return the samples that the device lacks, and the holdings; a sample that is gone is not in its holding either.

    `there` is what the device is known to hold, `unsure` whose last exchange it refused.
    """
    jpegs: dict[str, bytes] = {}
    holdings = []
    for key in keys:
        want = desired.wanted[key]
        holding, held = want.holding, there.get(key)
        lacks = held is None or held.face is None or key in unsure or records[key].face != holding.face
        if holding.face is not None and lacks:
            sample = samples.jpeg(want.person_id)
            holding = holding if sample is not None else replace(holding, face=None)
            jpegs |= {key: sample} if sample is not None else {}
        holdings.append(holding)
    return jpegs, holdings
