"""`yuanliu serve` as operators meet it: how it starts, answers, ends, and what it says when it cannot."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serve.programs import ACCOUNTS, PASSWORD, Ground, Nursery, Place, Program
from tests.waiting import SOON, until

from yuanliu.chain import devnet
from yuanliu.chain.deployment import Deployment
from yuanliu.desk.passwords import DEMO

pytestmark = [pytest.mark.node, pytest.mark.slow]


THREADS = 40
"""How many requests are worked on at once; the others queue."""


def feeding(number: int) -> dict[str, Any]:
    """Give an event of production with a number in it."""
    return {
        "kind": "production",
        "time": datetime.now(UTC).isoformat(),
        "place": "henhouse-07",
        "step": "feeding",
        "details": {"number": number},
    }


def numbers(client: httpx.Client, batch: str) -> list[int]:
    """Give the numbers of the events in a batch's journal, as the service shows it."""
    answer = client.get(f"/api/v1/batches/{batch}/journal")
    assert answer.status_code == 200, answer.text
    records = [bytes.fromhex(each["data"].removeprefix("0x")) for each in answer.json()["records"]]
    found = (re.search(rb'"yuanliu:number":(\d+)', record) for record in records)
    return [int(match[1]) for match in found if match]


def refused(program: Program, code: str, exit_code: int) -> str:
    """See that a program ended with a refusal and left nothing running; give what it said."""
    assert program.wait() == exit_code, (program.said, program.errors)
    assert f"[{code}]" in program.errors
    assert "Traceback" not in program.errors
    return program.errors


# ------------------------------------------------------------------ starting


def test_the_operators_password_is_shown_at_the_first_start_only_and_works(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    ((login, password),) = PASSWORD.findall(ground.first.said)
    assert f"Serving on {ground.place.url} " in ground.first.said
    second = nursery.serve(place)
    assert PASSWORD.findall(second.said + second.errors) == []
    assert f"Serving on {place.url} " in second.said
    with place.client() as client:
        sign_in = {"login": login, "password": password}
        answer = client.post("/api/v1/session", json=sign_in)
        assert answer.status_code == 201, answer.text
        assert answer.json()["account"]["must_change_password"]
    assert second.end() == 0
    assert second.defects() == []


def test_the_command_itself_serves_and_ends(place: Place, tmp_path: Path) -> None:
    """Not forked but started as people do; all others start faster."""
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "yuanliu.cli", "serve"],
            env=os.environ | place.environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        while (line := process.stdout.readline()) and not line.startswith("Serving on "):
            pass
        assert line.startswith(f"Serving on {place.url} ")
        with place.client() as client:
            until(lambda: client.get("/readyz").status_code == 200)
            assert client.get("/healthz").json() == {"status": "alive"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0
        process.stdout.close()
    assert not place.has_devnet
    assert all(json.loads(line) for line in (tmp_path / "log").read_text().splitlines())


# ------------------------------------------------------------------ ending


def test_a_signal_ends_it_in_order_and_only_the_devnet_that_it_started(
    nursery: Nursery, place: Place
) -> None:
    for number, found in ((signal.SIGINT, False), (signal.SIGTERM, True), (signal.SIGHUP, False)):
        if found:
            devnet.up(place.config)
        program = nursery.serve(place)
        assert program.end(number) == 0
        assert place.has_devnet is found
        assert program.defects() == []
        devnet.down(place.config)


def test_a_signal_while_it_starts_leaves_nothing_running(nursery: Nursery, tmp_path: Path) -> None:
    for attempt in range(20):
        place = Place.at(tmp_path / str(attempt))
        program = nursery.start(place, "serve")
        until(lambda program=program: "Deploying Batches" in program.said)  # type: ignore[misc]
        assert program.end() == 0
        assert not place.has_devnet
        if not place.config.deployment_file.exists():
            assert "Serving" not in program.said
            assert program.log() == []
            return
    pytest.fail("the signal always came too late: the test tests nothing")


def test_it_answers_what_is_under_way_before_it_ends(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    devnet.up(place.config)
    program = nursery.serve(place)
    with place.client("clerk") as client, ThreadPoolExecutor() as pool:
        path = f"/api/v1/batches/{ground.batch}/events"
        asked = pool.submit(client.post, path, json=feeding(1), headers={"Prefer": "wait=9"})
        until(lambda: program.place.node.block_number() and "record" in _states(client))
        assert program.end() == 0
        assert asked.result().status_code in {201, 202}
    devnet.down(place.config)


def _states(client: httpx.Client) -> str:
    return client.get("/api/v1/intentions").text


def test_a_kill_signs_nobody_out_and_loses_nothing(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    with place.client("clerk") as client:
        path = f"/api/v1/batches/{ground.batch}/events"
        for number in range(5):
            answer = client.post(path, json=feeding(number), headers={"Prefer": "respond-async"})
            assert answer.status_code == 202, answer.text
        program.kill()
        assert place.has_devnet
        again = nursery.serve(place)
        assert client.get("/api/v1/session").json()["account"]["login"] == "clerk"
        answer = client.post(path, json=feeding(5))
        assert answer.status_code in {201, 202}, answer.text
        until(lambda: numbers(client, ground.batch) == [*range(6)])
    assert again.end() == 0
    assert place.has_devnet, "it was there before this one"
    assert again.defects() == []


# ------------------------------------------------------------------ where it cannot start


def test_a_port_that_is_taken_is_said_before_anything_is_started(
    nursery: Nursery, place: Place
) -> None:
    with socket.create_server(("127.0.0.1", place.config.port)):
        said = refused(nursery.start(place, "serve"), "service.port_busy", 2)
        assert str(place.config.port) in said
        assert "YUANLIU_PORT" in said
    assert not place.has_devnet


def test_two_that_start_at_once_do_not_get_the_same_port(nursery: Nursery, place: Place) -> None:
    both = [nursery.start(place, "serve") for _ in range(2)]
    until(lambda: any(not program.alive for program in both))
    loser, winner = sorted(both, key=lambda program: program.alive)
    refused(loser, "service.port_busy", 2)
    winner.ready()
    assert winner.end() == 0
    assert not place.has_devnet


def test_another_chain_id_is_refused_and_does_no_harm(nursery: Nursery, place: Place) -> None:
    program = nursery.start(place, "serve", YUANLIU_CHAIN_ID="4242")
    assert program.wait() in {1, 2}
    assert re.search(r"\[(deployment\.mismatch|devnet\.wrong_chain)\]: .*chain id", program.errors)
    assert "4242" in program.errors
    assert "Traceback" not in program.errors
    assert not place.has_devnet
    assert nursery.serve(place).end() == 0


def test_a_database_that_is_not_there_is_said_without_its_password(
    nursery: Nursery, place: Place
) -> None:
    url = f"postgresql://yuanliu:geheim-1897@127.0.0.1:{devnet.free_port()}/yuanliu"
    said = refused(
        nursery.start(place, "serve", YUANLIU_DATABASE_URL=url), "database.unreachable", 2
    )
    assert "YUANLIU_DATABASE_URL" in said
    assert "geheim-1897" not in said
    assert not place.has_devnet


def test_after_a_reset_of_the_devnet_the_copy_is_built_anew(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    before = place.deployment
    with place.client() as client:
        assert client.get(f"/api/v1/batches/{ground.batch}").status_code == 200
        devnet.reset(place.config)
        until(lambda: "genesis" in (chain_of(client.get("/readyz"))["detail"] or ""))
        answer = client.get("/readyz")
        assert (answer.status_code, chain_of(answer)["state"]) == (503, "failing")
        assert program.end() == 0
        again = nursery.serve(place)
        assert Deployment.load(place.config.deployment_file).genesis != before.genesis
        assert client.get(f"/api/v1/batches/{ground.batch}").status_code == 404
        assert client.get("/api/v1/chain").json()["genesis"] == place.deployment.genesis
    assert again.end() == 0
    assert again.defects() == []


def chain_of(answer: httpx.Response) -> dict[str, Any]:
    part: dict[str, Any] = answer.json()["parts"]["chain"]
    return part


# ------------------------------------------------------------------ several processes


def test_two_processes_share_a_place_and_one_leads_at_a_time(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    devnet.up(place.config)
    other = place.on_port(devnet.free_port())
    first = nursery.serve(place)
    second = nursery.serve(other, "--part", "http")
    path = f"/api/v1/batches/{ground.batch}/events"
    with place.client("clerk") as one, other.client() as two:
        two.cookies, two.headers = one.cookies, one.headers
        assert one.post(path, json=feeding(1)).status_code in {201, 202}
        until(lambda: numbers(two, ground.batch) == [1])
        assert two.post(path, json=feeding(2)).status_code in {201, 202}
        until(lambda: numbers(one, ground.batch) == [1, 2])

        worker = nursery.start(place.on_port(devnet.free_port()), "serve", "--part", "worker")
        until(lambda: "Working" in worker.said)
        assert leading(first) == ["follower", "relayer"]
        killed = datetime.now(UTC)
        first.kill()
        until(lambda: leading(worker) == ["follower", "relayer"])
        assert min(map(datetime.fromisoformat, led_since(worker))) > killed
        assert leading(second) == []
        assert two.post(path, json=feeding(3)).status_code in {201, 202}
        until(lambda: numbers(two, ground.batch) == [1, 2, 3])
    for program in (worker, second):
        assert program.end() == 0
        assert program.defects() == []


def leading(program: Program) -> list[str]:
    return sorted(entry["task"] for entry in program.log() if entry["event"] == "leading")


def led_since(program: Program) -> list[str]:
    return [entry["timestamp"] for entry in program.log() if entry["event"] == "leading"]


# ------------------------------------------------------------------ what it says of itself


def test_readiness_says_what_is_wrong_and_recovers_by_itself(
    nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    node = devnet.status(place.config).pid
    assert node is not None
    with place.client() as client:
        os.kill(node, signal.SIGSTOP)
        with ThreadPoolExecutor(THREADS + 5) as pool:
            try:
                path = f"/api/v1/actors/{str(ACCOUNTS['cooperative'].address).lower()}/recovery"
                port = place.config.devnet_port
                waiting = [pool.submit(client.get, path) for _ in range(THREADS - 5)]
                until(lambda: connections(port) >= THREADS - 5)
                answer = client.get("/readyz")
                assert not any(each.done() for each in waiting), "it waits no shorter than others"
                assert answer.status_code == 503
                assert chain_of(answer)["state"] == "failing"
                assert place.config.rpc_url in chain_of(answer)["detail"]
                assert answer.json()["parts"]["desk"]["state"] == "ok"
                waiting += [pool.submit(client.get, path) for _ in range(10)]
                until(lambda: connections(port) >= THREADS)
                assert client.get("/healthz").status_code == 200, "it needs none of the threads"
                assert not any(each.done() for each in waiting)
            finally:
                os.kill(node, signal.SIGCONT)
        assert {each.result().status_code for each in waiting} == {200}
        until(lambda: client.get("/readyz").status_code == 200)

        os.kill(node, signal.SIGKILL)
        until(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/healthz").status_code == 200
        devnet.up(place.config)
        until(lambda: client.get("/readyz").status_code == 200)
    assert program.alive
    assert program.defects() == []


def connections(port: int) -> int:
    """Count the connections that are open to a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_the_log_is_json_and_keeps_every_secret(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    path = f"/api/v1/batches/{ground.batch}/events"
    secrets = {DEMO + "clerk", "a wrong password of nobody"}
    with place.client("clerk") as client, place.client() as nobody:
        secrets |= set(client.cookies.values()) | {client.headers["X-CSRF-Token"]}
        made = client.post("/api/v1/tokens", json={"label": "scale", "scopes": ["events:write"]})
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        forged = token[:-4] + "aaaa"
        secrets |= {token, forged, token.rpartition("_")[2]}
        for bearer, statuses in ((token, {201, 202}), (forged, {401})):
            sent = {"Authorization": f"Bearer {bearer}"}
            assert nobody.post(path, json=feeding(1), headers=sent).status_code in statuses
        for login in ("clerk", "nobody-there"):
            body = {"login": login, "password": "a wrong password of nobody"}
            assert nobody.post("/api/v1/session", json=body).status_code == 401
        assert client.post(path, content=b"{").status_code == 422
        assert client.post(path, json=feeding(2), headers={"X-CSRF-Token": ""}).status_code == 403
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/session").status_code == 401
    assert program.end() == 0
    logged = program.log()
    assert len([entry for entry in logged if entry["event"] == "request"]) > 8
    for account in ACCOUNTS.values():
        secrets |= {account.key.hex().removeprefix("0x")}
    written = (program.errors + program.said + ground.first.errors).lower()
    assert [secret for secret in secrets if len(secret) < 8 or secret.lower() in written] == []
    (shown,) = PASSWORD.findall(ground.first.said)
    assert shown[1] not in ground.first.errors
