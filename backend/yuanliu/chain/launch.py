"""Gets a chain ready to work on: finds the deployment that the record names, or makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from yuanliu.chain import keys
from yuanliu.chain.deployment import Deployment, DeploymentMismatch, Founders, deploy
from yuanliu.chain.node import Node, Sender
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

DEVNET_CHAIN_ID: Final = 31_337


@dataclass(frozen=True)
class Launched:
    """A deployment that was checked against the chain. `fresh`: made just now."""

    deployment: Deployment
    fresh: bool


def is_bundled(config: Settings) -> bool:
    """Whether the settings name the bundled devnet and not another chain."""
    return config.rpc_url == f"http://127.0.0.1:{config.devnet_port}"


def deployment(
    config: Settings,
    *,
    replace: bool = False,
    replace_if_reset: bool = False,
    said: Callable[[str], None] = lambda _: None,
) -> Launched:
    """Give the recorded deployment, or deploy and record it if there is none (or `replace` says so).

    With `replace_if_reset` a record that does not fit the chain is replaced as well, on a devnet only. Raises
    `DeploymentMismatch` if the record does not fit otherwise, `ChainUnreachable`, `TransactionFailed`.
    """
    node = Node(config.rpc_url)
    if not replace and config.deployment_file.exists():
        recorded = Deployment.load(config.deployment_file)
        try:
            recorded.check(node)
        except DeploymentMismatch:
            if not (replace_if_reset and node.chain_id() == DEVNET_CHAIN_ID):
                raise
        else:
            return Launched(recorded, fresh=False)
    _require_devnet(node, config)
    accounts = keys.devnet_accounts(config.devnet_dir)
    founders = Founders(
        platform=str(accounts["platform"].address),
        regulator=str(accounts["regulator"].address),
        issuer=str(accounts["issuer"].address),
    )
    made = deploy(Sender(node, accounts["deployer"]), founders, said=said)
    made.save(config.deployment_file)
    return Launched(made, fresh=True)


def _require_devnet(node: Node, config: Settings) -> None:
    found = node.chain_id()
    if found != config.chain_id:
        raise DeploymentMismatch(
            "chain id (YUANLIU_CHAIN_ID)",
            config.chain_id,
            found,
            "set YUANLIU_CHAIN_ID to the id of the chain at YUANLIU_RPC_URL",
        )
    if found != DEVNET_CHAIN_ID:
        raise YuanliuError(
            "deployment.public_keys",
            f"chain {found} is no devnet, and the devnet's keys are public",
            hint="deploy there with keys of your own; only a devnet is supported so far",
            fields={"chain_id": found},
        )
