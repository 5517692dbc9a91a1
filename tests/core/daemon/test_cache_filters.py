from __future__ import annotations

import pytest

from core.cache.layers import RecordKind
from core.cache.usage import UsageRecord
from core.daemon.cache_service import record_filter
from core.errors import OptionError


def _record(id: str, **values: object) -> UsageRecord:
    defaults: dict[str, object] = {
        "kind": RecordKind.REGULAR,
        "size": 1,
        "created": 1,
        "last_used": 1,
        "uses": 1,
        "description": "",
        "step": "",
    }
    return UsageRecord(id=id, **(defaults | values))  # type: ignore[arg-type]


RECORDS = (
    _record("a", description="RUN make"),
    _record("b", kind=RecordKind.CACHE_MOUNT, mutable=True),
    _record("c", in_use=True, parents=("a",)),
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], "abc"),
        (["id==a"], "a"),
        (["id!=a"], "bc"),
        (["type==exec.cachemount"], "b"),
        (["description~=^RUN"], "a"),
        (["inuse"], "c"),
        (["parents==a"], "c"),
        (["mutable,type==exec.cachemount"], "b"),
        (["mutable,type==regular"], ""),
        (["id==a", "id==b"], "ab"),
    ],
)
def test_filters_select(filters: list[str], expected: str) -> None:
    keep = record_filter(filters)
    assert "".join(record.id for record in RECORDS if keep(record)) == expected


@pytest.mark.parametrize("text", ["colour==red", "id~=(", "=="])
def test_a_filter_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        record_filter([text])
