"""The story by itself: where it refuses to be played, and that it may break off anywhere."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from tests.desk.support import opened
from tests.serve.programs import ACCOUNTS

from yuanliu.chain.deployment import Deployment, Founders, deploy
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.keys import new_key
from yuanliu.chain.node import Sender
from yuanliu.demo.story import CASES, Step, Story
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.relayer import Relayer
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]

FOUNDERS: Final = Founders(
    platform=str(ACCOUNTS["platform"].address),
    regulator=str(ACCOUNTS["regulator"].address),
    issuer=str(ACCOUNTS["issuer"].address),
)


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@contextmanager
def relayed(chain: Devnet, made: Deployment, folder: Path) -> Iterator[Outbox]:
    """Give an outbox whose relayer runs."""
    engine = opened(folder)
    outbox = Outbox(engine, made, chain.node)
    stop = threading.Event()
    thread = threading.Thread(target=Relayer(outbox, ACCOUNTS["relayer"]).run, args=(stop,))
    thread.start()
    try:
        yield outbox
    finally:
        stop.set()
        thread.join()
        engine.dispose()


def test_it_refuses_another_chain_than_a_devnet(tmp_path: Path) -> None:
    own = new_key()
    with Devnet(Settings(chain_id=4_242)) as other:
        other.node.request("anvil_setBalance", own.address, hex(10**20))
        made = deploy(Sender(other.node, own), FOUNDERS)
        outbox = Outbox(opened(tmp_path), made, other.node)
        before = other.node.block_number()
        with pytest.raises(YuanliuError) as caught:
            Story(other.node, made, outbox, ACCOUNTS, lambda _: None)
        assert caught.value.code == "demo.not_devnet"
        pretended = replace(made, chain_id=31_337)
        outbox = Outbox(outbox.engine, pretended, other.node)
        with relayed(other, pretended, tmp_path), pytest.raises(YuanliuError):
            next(Story(other.node, pretended, outbox, ACCOUNTS, lambda _: None).run())
        assert other.node.block_number() == before
        outbox.engine.dispose()


def test_wherever_a_run_breaks_off_the_next_one_succeeds(tmp_path: Path) -> None:
    with Devnet() as chain:
        made = deploy(Sender(chain.node, ACCOUNTS["deployer"]), FOUNDERS)
        steps: list[Step] = []
        with chain.anchor(), relayed(chain, made, tmp_path / "whole") as outbox:
            list(Story(chain.node, made, outbox, ACCOUNTS, steps.append).run())
        first = next(i for i, step in enumerate(steps) if step.case == "eggs")
        eggs = sum(step.case == "eggs" for step in steps)
        for last in (1, first + 1, first + 2, first + eggs - 1):
            folder = tmp_path / str(last)
            with chain.anchor(), relayed(chain, made, folder) as outbox:
                stop_after(chain, made, outbox, last)
                story = Story(chain.node, made, outbox, ACCOUNTS, lambda _: None)
                results = list(story.run())
                assert len(results) == len(CASES)
                assert all(result.verification.verdict.matches for result in results)


def stop_after(chain: Devnet, made: Deployment, outbox: Outbox, steps: int) -> None:
    told: list[Step] = []

    def tell(step: Step) -> None:
        told.append(step)
        if len(told) == steps:
            raise Interrupted

    with pytest.raises(Interrupted):
        list(Story(chain.node, made, outbox, ACCOUNTS, tell).run())
