"""Performs the story on the running service, and checks what the service says of it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from yuanliu.chain import devnet, keys
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.demo.story import Result, Step, Story
from yuanliu.desk.attachments import open_store
from yuanliu.desk.first_start import DemoSignIn, import_devnet_accounts
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.passwords import OneTimePassword
from yuanliu.errors import YuanliuError
from yuanliu.serve import detached, service
from yuanliu.settings import Settings

_INDEX_SECONDS = 20.0


@dataclass(frozen=True)
class Audience:
    """Who hears what: `status` what is under way, `began` the chain, `step` each step, `ended` each case."""

    status: Callable[[str], None]
    began: Callable[[service.Chain], None]
    step: Callable[[Step], None]
    ended: Callable[[Result], None]


@dataclass(frozen=True)
class Performance:
    """What was played, and how to look at it. `operator`: shown this once, if the account was made now."""

    deployment: Deployment
    results: list[Result]
    sign_ins: list[DemoSignIn]
    operator: OneTimePassword | None


def perform(config: Settings, audience: Audience, *, leave_running: bool) -> Performance:
    """Start the service if it does not run, play the story, and compare what the service shows with the chain.

    Unless `leave_running`, everything that was started here is ended again. Raises `YuanliuError`
    (`demo.service_differs`, `demo.other_service`), and as `Story.run` and the parts.
    """
    with ExitStack() as ended:
        chain = service.prepare_chain(config, said=audience.status)
        if chain.own_devnet and not leave_running:
            ended.callback(devnet.down, config)
        audience.began(chain)
        copy, desk = service.prepare_tables(config)
        copy.dispose()
        ended.callback(desk.dispose)
        operator = service.first_operator(desk, chain.deployment)
        accounts = keys.devnet_accounts(config.devnet_dir)
        sign_ins = import_devnet_accounts(desk, accounts, chain_id=chain.deployment.chain_id)
        audience.status("Starting the service …")
        if _start(config, chain.deployment) and not leave_running:
            ended.callback(detached.stop, config)
        node = Node(config.rpc_url)
        outbox = Outbox(desk, chain.deployment, node)
        results = []
        story = Story(
            node,
            chain.deployment,
            outbox,
            accounts,
            audience.step,
            attachments=open_store(config, desk),
        )
        for result in story.run():
            _compare(config, result)
            audience.ended(result)
            results.append(result)
        return Performance(chain.deployment, results, sign_ins, operator)


def _start(config: Settings, deployment: Deployment) -> bool:
    """Have the service run on this deployment; true: it was started now. Raises `demo.other_service`."""
    found = detached.running(config)
    if found is None and _is_there(config, deployment):
        return False  # somebody started it in a terminal
    if found is not None and found.port == config.port and not _is_there(config, deployment):
        detached.stop(config)  # it still works on a devnet that was reset since
    _, started = detached.start(config)
    if detached.of_this_deployment(config, deployment):
        return started
    raise YuanliuError(
        "demo.other_service",
        f"the service at {config.address} works on another chain than {config.rpc_url}",
        hint="end it, or choose another port by YUANLIU_PORT",
        fields={"host": config.host, "port": config.port},
    )


def _is_there(config: Settings, deployment: Deployment) -> bool:
    try:
        return detached.of_this_deployment(config, deployment)
    except YuanliuError:
        return False


def _compare(config: Settings, result: Result) -> None:
    """Compare the journal that the service shows with what was read of the chain. Raises `demo.service_differs`."""
    batch = "0x" + result.verification.batch.hex()
    expected = "0x" + result.verification.verdict.head_on_chain.hex()
    deadline = time.monotonic() + _INDEX_SECONDS
    found = ""
    while time.monotonic() < deadline:
        try:
            found = str(detached.ask(config, f"/api/v1/batches/{batch}/journal")["head"])
        except YuanliuError:
            found = "nothing"
        if found == expected:
            return
        time.sleep(0.05)
    raise YuanliuError(
        "demo.service_differs",
        f"the service shows {found} as the head of {batch}, the chain {expected}",
        hint=f"look at {config.address}/readyz",
        fields={"batch": batch, "found": found, "expected": expected},
    )
