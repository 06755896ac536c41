"""How goods are called on their pack, through the event and back."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu import epcis, privacy
from yuanliu.epcis.description import MAX_CHARACTERS, Description
from yuanliu.epcis.validation import validate_event

EGGS = Description(
    name_zh="土鸡蛋",
    name_en="Free-range eggs",
    cooperative_zh="云岭村蛋鸡专业合作社",
    place_zh="云南省大理州云岭村",
    picture="ab" * 32,
    picture_type="image/webp",
)
PRINTABLE = st.text(max_size=MAX_CHARACTERS).filter(str.isprintable)


def harvest(description: Description) -> epcis.Event:
    return epcis.harvested(
        datetime(2026, 4, 12, 8, 30, tzinfo=UTC),
        epcis.Lot("06901234567892", "L1", 10, "H87"),
        place="https://id.yuanliu.example/place/henhouse-07",
        harvested_on=date(2026, 4, 12),
        details={},
        description=description,
    )


def test_it_comes_back_from_a_valid_event_that_names_no_person() -> None:
    event = harvest(EGGS)
    validate_event(event)
    privacy.check(event)
    assert epcis.description_of(event["ilmd"]) == EGGS


@given(st.builds(Description, *[PRINTABLE] * 6))
def test_every_description_comes_back(description: Description) -> None:
    assert epcis.description_of(description.ilmd()) == description


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from([*EGGS.ilmd(), "other"]), x),
    )
)
def test_whatever_was_recorded_is_read_without_a_fault(ilmd: object) -> None:
    assert isinstance(epcis.description_of(ilmd), Description)


def test_a_language_falls_back_to_the_other() -> None:
    assert EGGS.name("en") == "Free-range eggs"
    assert EGGS.place("en") == "云南省大理州云岭村"
    assert Description(name_en="Eggs").name("zh") == "Eggs"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name_zh": "蛋" * (MAX_CHARACTERS + 1)},
        {"name_en": "a\nb"},
        {"place_zh": "\u202e"},
        {"picture": "AB" * 32},
        {"picture": "ab"},
        {"picture": "ab" * 32, "picture_type": "image/svg+xml"},
    ],
)
def test_what_no_pack_can_bear_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(epcis.EpcisError):
        Description(**wrong)


def test_nothing_said_adds_nothing_to_the_event() -> None:
    assert harvest(epcis.NOTHING)["ilmd"] == {"cbvmda:harvestStartDate": "2026-04-12"}
