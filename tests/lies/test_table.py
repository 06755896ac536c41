"""The table of lies is what its tests say, and leaves none out that was asked for."""

from collections import Counter
from typing import Final

import pytest
from tests.lies.lie import Lie, lie
from tests.lies.table import DOCUMENT, document, rows

ASKED_FOR: Final = (
    "Hide a failed inspection",
    "Alter a figure in the database",
    "Backdate an event",
    "Reorder two steps",
    "Write in another's name",
    "Replay a signature",
    "Sell more than was harvested",
    "Count one delivery twice",
    "Ship under another lot's code",
    "Copy a label",
    "Pay less than the terms",
    "Change the terms after delivery",
    "Pay one order twice",
    "Skim the rounding",
    "Leave one farmer out of a pool",
    "Add a ghost farmer",
    "Redirect a payout",
    "Block one payee to block all",
    "Release a hold without the right",
    "Undo a recall",
    "Front-run a registration",
    "Censor in the relayer",
    "Serve a false head",
    "Serve an old head",
    "Drop an attachment",
    "Swap an attachment",
    "Lose the database",
    "Restore an old database",
    "Take blocks back",
    "Upgrade a contract behind users' backs",
    "Sign false data as its true author",
)


def test_the_document_is_what_the_tests_say() -> None:
    said = DOCUMENT.read_text(encoding="utf-8")
    assert said == document(rows()), "write it anew: python -m tests.lies.table"


def test_no_lie_that_was_asked_for_is_left_out() -> None:
    names = [row.lie.name for row in rows()]
    assert [name for name in ASKED_FOR if not any(n.startswith(name) for n in names)] == []
    assert len(names) >= 30
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_what_is_not_caught_is_said_and_who_could_try_it() -> None:
    missed = [row.lie for row in rows() if not row.lie.noticed_by]
    assert "Sign false data as its true author" in {each.name for each in missed}
    assert all(len(each.how) > 40 for each in missed), "say what makes it harder"


def test_every_lie_is_tried_by_a_test_that_pytest_runs() -> None:
    assert all(row.test.startswith("test_") for row in rows())


def test_a_word_that_the_table_does_not_know_is_refused() -> None:
    whole = Lie("a", "甲", "farmer", ("platform",), "b", ("the contracts",), "c")
    assert whole.outcome == "refused"
    for change in (
        {"cheats": "nobody"},
        {"liars": ("a thief",)},
        {"noticed_by": ("the police",)},
        {"liars": ()},
        {"how": ""},
    ):
        with pytest.raises(ValueError, match="a:"):
            lie(**(vars(whole) | change))
