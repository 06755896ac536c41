"""Gets a chain ready to work on: finds the deployment that the record names, or makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from yuanliu import hexes
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

    With `replace_if_reset` a record of a devnet that does not fit this devnet is replaced as well. Raises
    `DeploymentMismatch` if the record does not fit otherwise, `ChainUnreachable`, `TransactionFailed`.
    """
    node = Node(config.rpc_url)
    if not replace and config.deployment_file.exists():
        recorded = Deployment.load(config.deployment_file)
        try:
            recorded.check(node)
        except DeploymentMismatch:
            on_devnet = recorded.chain_id == node.chain_id() == DEVNET_CHAIN_ID
            if not (replace_if_reset and on_devnet):
                raise
        else:
            return Launched(recorded, fresh=False)
    deployer, founders = _founding(node, config)
    made = deploy(Sender(node, deployer), founders, said=said)
    made.save(config.deployment_file)
    return Launched(made, fresh=True)


def service_keys(config: Settings, node: Node) -> tuple[keys.Key, keys.Key | None]:
    """Give the relayer's key and the till's, if there is one: on a devnet the labelled public accounts.

    Raises `YuanliuError` (`deployment.relayer_missing`, `deployment.public_keys`, `keys.private_key_invalid`).
    """
    public = keys.devnet_accounts(config.devnet_dir)
    if node.chain_id() == DEVNET_CHAIN_ID:
        return public["relayer"], public["buyer"]
    if config.relayer_key is None:
        raise YuanliuError(
            "deployment.relayer_missing",
            "nobody pays for what people sign",
            hint="set YUANLIU_RELAYER_KEY to the key of an account that holds gas money and does nothing else",
        )
    relayer = keys.from_private_key(config.relayer_key.get_secret_value())
    till = keys.from_private_key(config.till_key.get_secret_value()) if config.till_key else None
    used = {str(key.address) for key in (relayer, till) if key is not None}
    _refuse_public(used, public)
    return relayer, till


def _founding(node: Node, config: Settings) -> tuple[keys.Key, Founders]:
    """Give who deploys and who is there from the first block: on a devnet the labelled public accounts."""
    found = node.chain_id()
    if found != config.chain_id:
        raise DeploymentMismatch(
            "chain id (YUANLIU_CHAIN_ID)",
            config.chain_id,
            found,
            "set YUANLIU_CHAIN_ID to the id of the chain at YUANLIU_RPC_URL",
        )
    public = keys.devnet_accounts(config.devnet_dir)
    if found == DEVNET_CHAIN_ID:
        founders = Founders(
            platform=str(public["platform"].address),
            regulator=str(public["regulator"].address),
            issuer=str(public["issuer"].address),
        )
        return public["deployer"], founders
    if not (config.deployer_key and config.platform_address and config.regulator_address):
        raise YuanliuError(
            "deployment.founders_missing",
            f"chain {found} is no devnet: who deploys, and who founds, has to be set",
            hint="set YUANLIU_DEPLOYER_KEY, YUANLIU_PLATFORM_ADDRESS and YUANLIU_REGULATOR_ADDRESS",
            fields={"chain_id": found},
        )
    for address in (config.platform_address, config.regulator_address):
        hexes.address_bytes(address)
    deployer = keys.from_private_key(config.deployer_key.get_secret_value())
    founders = Founders(platform=config.platform_address, regulator=config.regulator_address)
    _refuse_public({str(deployer.address), founders.platform, founders.regulator}, public)
    return deployer, founders


def _refuse_public(used: set[str], public: dict[str, keys.Key]) -> None:
    """Refuse the devnet's accounts on any other chain: everybody knows their keys."""
    known = {str(account.address).lower(): role for role, account in public.items()}
    roles = sorted(known[address.lower()] for address in used if address.lower() in known)
    if roles:
        raise YuanliuError(
            "deployment.public_keys",
            f"everybody knows the devnet's keys, and these are among them: {', '.join(roles)}",
            hint="use keys of your own",
            fields={"roles": roles},
        )
