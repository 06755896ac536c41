"""Each test's decorator names who notices; what the test called to witness must be exactly those."""

from collections.abc import Generator

import pytest
from tests.lies.witnesses import NOTICED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None]:
    NOTICED.clear()
    yield
    told = getattr(item.function, "__lie__", None)
    if told is not None:
        assert set(told.noticed_by) == NOTICED, "the decorator names others than those who noticed"
