"""Speed of labels: codes with serials of their own, drawn as PDF. One process, one thread, its own time."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from yuanliu import serials
from yuanliu.bench.index import Figure
from yuanliu.paper.label_formats import format_named
from yuanliu.paper.labels import Goods, labels

LABELS: Final = 1_000
ASKED: Final = 100.0
"""Labels a second: 1,000 in ten seconds."""

_FORMATS: Final = ("roll-40x60", "a4-4x10")
_GOODS: Final = Goods(
    site="https://trace.example-farm.cn",
    gtin="06901234567915",
    lot="TEA20261122-001",
    product="凤凰单丛茶（蜜兰香）",
    cooperative="潮州市凤凰镇茶叶专业合作社",
    place="广东省潮州市潮安区凤凰镇",
    harvested=date(2026, 11, 21),
)


def measure(count: int = LABELS, said: Callable[[str], None] = lambda _: None) -> Iterator[Figure]:
    """Print `count` labels in each of two formats. `said` hears of each."""
    for turn, name in enumerate(_FORMATS):
        said(name)
        key = serials.lot_key(bytes(32), bytes([turn]) * 32)  # no code was made before
        started = time.process_time()
        numbers = [serials.serial_of(key, number) for number in range(1, count + 1)]
        labels(_GOODS, numbers, format_named(name))
        yield Figure(f"labels, {name}", count / (time.process_time() - started), "labels/s", ASKED)
