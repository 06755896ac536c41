"""Compiles `contracts/` with the pinned Solidity, always from one standard JSON with all sources inlined.

Nothing in the input depends on the machine (unit names are `contracts/…` and `@openzeppelin/contracts/…`),
so native solc and the npm one give the same bytes, and the artifacts that are committed inside the package
can be compared byte for byte with a fresh compilation.
"""

import hashlib
import json
import os
import posixpath
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Final, Literal

import solcx
from eth_utils.crypto import keccak
from packaging.version import Version
from solcx.exceptions import SolcError
from solcx.wrapper import get_version_str_from_solc_binary

from yuanliu.chain.artifacts import ARTIFACTS_DIR, Artifact, Json
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings, settings

SOLC_VERSION: Final = "0.8.37"
"""The only compiler version accepted; the same as in `hardhat-free-devnet/package.json`."""

COMPILER_SETTINGS: Final[Mapping[str, Any]] = {
    "evmVersion": "osaka",
    "optimizer": {"enabled": True, "runs": 400},
    "viaIR": True,
}
"""What decides the bytecode beside the sources; recorded in the manifest."""

CODE_SIZE_LIMIT: Final = 24_576
"""Largest code that a chain takes, in bytes (EIP-170)."""

MOCKS_PREFIX: Final = "contracts/mocks/"
"""Contracts for tests: compiled into the cache, never into the package."""

_PROCESSES: Final = 2
"""Compilers at once: 24 contracts take 28 s instead of 48 s on two cores."""

_OUTPUTS: Final = (
    "abi",
    "evm.bytecode.linkReferences",
    "evm.bytecode.object",
    "evm.deployedBytecode.immutableReferences",
    "evm.deployedBytecode.linkReferences",
    "evm.deployedBytecode.object",
    "evm.methodIdentifiers",
)
_EXACT_PRAGMA: Final = re.compile(r"pragma solidity ([0-9.]+);")
_IMPORT: Final = re.compile(r"""^\s*import\b[^;]*?["']([^"']+)["']\s*;""", re.MULTILINE)

_HAS_CODE: Final = r"^(abstract )?contract |^library "


@dataclass(frozen=True)
class Compiler:
    """A compiler that was found: where, by which rule, and its version with commit."""

    path: Path
    origin: Literal["settings", "py-solc-x", "npm"]
    version: str


@dataclass(frozen=True)
class Compilation:
    """All contracts of one compilation, with what they were made from."""

    compiler: str
    sources: dict[str, str]
    artifacts: dict[str, Artifact]
    mocks: dict[str, Artifact]
    warnings: list[str]

    def files(self) -> dict[str, bytes]:
        """Give the files of `ARTIFACTS_DIR` by name, byte for byte as they are to be committed."""
        files = {f"{name}.json": _dump(a.to_json()) for name, a in self.artifacts.items()}
        manifest = manifest_head(self.sources) | {
            "compiler": self.compiler,
            "artifacts": {name: _sha256(data) for name, data in sorted(files.items())},
        }
        return files | {"manifest.json": _dump(manifest)}


def find_compiler(config: Settings | None = None) -> Compiler:
    """Find the compiler: a path in the settings, one that py-solc-x has installed, the pinned npm one.

    Raises `compiler.missing` if there is none, `compiler.wrong_version` if the one that the settings name
    is not `SOLC_VERSION`, `compiler.unusable` if it does not answer.
    """
    config = config or settings()
    if config.solc is not None:
        return _probe(config.solc, "settings")
    if Version(SOLC_VERSION) in solcx.get_installed_solc_versions():
        return _probe(Path(solcx.install.get_executable(SOLC_VERSION)), "py-solc-x")
    shim = config.devnet_dir / "solc-json"
    if (config.devnet_dir / "node_modules" / "solc").is_dir():
        return _probe(shim, "npm")
    raise YuanliuError(
        "compiler.missing",
        f"no Solidity {SOLC_VERSION} was found",
        hint=f"run ./scripts/setup (it installs the pinned npm package into {config.devnet_dir}), or set "
        "YUANLIU_SOLC to a native solc of this version",
        fields={"version": SOLC_VERSION, "devnet_dir": str(config.devnet_dir)},
    )


@cache
def _probe(path: Path, origin: Literal["settings", "py-solc-x", "npm"]) -> Compiler:
    node_dir = Path(sys.executable).parent
    if origin == "npm" and (node_dir / "node").exists():
        # The Node that ./scripts/setup brought; py-solc-x gives its child our own environment.
        os.environ["PATH"] = f"{node_dir}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        version = get_version_str_from_solc_binary(path)
    except (OSError, SolcError, CalledProcessError) as error:
        raise YuanliuError(
            "compiler.unusable",
            f"{path} does not answer `--version` as a Solidity compiler: {error}",
            hint="the npm compiler needs Node 18 or newer on PATH; ./scripts/setup provides one"
            if origin == "npm"
            else "set YUANLIU_SOLC to a working native solc, or leave it empty",
            fields={"path": str(path), "origin": origin},
        ) from error
    if version.partition("+")[0] != SOLC_VERSION:
        raise YuanliuError(
            "compiler.wrong_version",
            f"{path} is Solidity {version}, not {SOLC_VERSION}",
            hint="another version gives other bytecode; name the pinned one or leave YUANLIU_SOLC empty",
            fields={"path": str(path), "found": version, "expected": SOLC_VERSION},
        )
    return Compiler(path, origin, version)


def read_sources(config: Settings | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Read our contracts with all that they import: (without mocks, with mocks), text by unit name.

    Raises `compiler.no_sources` or `compiler.import_missing`.
    """
    config = config or settings()
    root = config.project_dir / "contracts"
    units = sorted(f"contracts/{p.relative_to(root).as_posix()}" for p in root.rglob("*.sol"))
    ours = [unit for unit in units if not unit.startswith(MOCKS_PREFIX)]
    if not ours:
        raise YuanliuError(
            "compiler.no_sources",
            f"there is no Solidity file below {root}",
            hint="run from a checkout, or set YUANLIU_PROJECT_DIR to one",
            fields={"folder": str(root)},
        )
    return _closure(ours, config), _closure(units, config)


def compile_packages(
    units: Sequence[str], libraries: Sequence[Path], config: Settings | None = None
) -> dict[str, Artifact]:
    """Compile contracts of npm packages with our compiler and settings, to compare with.

    `units` are paths inside `libraries`, folders of packages searched in that order. A source that insists on
    another compiler version is given ours. Raises as `compile_contracts` does.
    """
    config = config or settings()
    texts = {
        unit: _EXACT_PRAGMA.sub(r"pragma solidity ^\1;", text)
        for unit, text in _closure(units, config, libraries).items()
    }
    job = _standard_input(texts, units)
    return _artifacts([_run(find_compiler(config), job, _cache_dir(config), force=False)])


def _closure(
    units: Iterable[str], config: Settings, libraries: Sequence[Path] = ()
) -> dict[str, str]:
    """Read files with all that they import; packages come from the first of `libraries` that has the file."""
    libraries = libraries or [config.devnet_dir / "node_modules"]
    texts: dict[str, str] = {}
    todo = [(unit, "") for unit in units]
    while todo:
        unit, importer = todo.pop()
        if unit in texts:
            continue
        bases = libraries if unit.startswith("@") else [config.project_dir]
        base = next((base for base in bases if (base / unit).is_file()), bases[0])
        try:
            texts[unit] = (base / unit).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise YuanliuError(
                "compiler.import_missing",
                f"{importer} imports {unit}, which does not exist",
                hint="run ./scripts/setup to install the pinned libraries"
                if unit.startswith("@")
                else "correct the import's path",
                fields={"importer": importer, "import": unit},
            ) from error
        todo.extend((target, unit) for target in _imports(unit, texts[unit]))
    return dict(sorted(texts.items()))


def compile_contracts(config: Settings | None = None, *, force: bool = False) -> Compilation:
    """Compile all contracts; `force` does so even if the cache holds this very input.

    Mocks are compiled in a run of their own, next to the first: with `viaIR` another file in the input
    can change a contract's bytecode, and a test's helper must not.

    Raises `compiler.rejected` with the compiler's own words (file, line, caret), `compiler.too_large`,
    `compiler.duplicate_name`, or what `find_compiler` and `read_sources` raise.
    """
    config = config or settings()
    compiler = find_compiler(config)
    sources, with_mocks = read_sources(config)
    ours = [unit for unit in sources if unit.startswith("contracts/")]
    mocks = [unit for unit in with_mocks if unit.startswith(MOCKS_PREFIX)]
    jobs = [_standard_input(sources, share) for share in _shares(ours, sources)]
    ours_jobs = len(jobs)
    jobs += _mock_jobs(mocks, config)
    cache_dir = _cache_dir(config)
    with ThreadPoolExecutor(_PROCESSES) as pool:
        outputs = list(pool.map(lambda job: _run(compiler, job, cache_dir, force=force), jobs))
    _forget_old(cache_dir)
    return Compilation(
        compiler=compiler.version,
        sources={unit: _sha256(text.encode()) for unit, text in sources.items()},
        artifacts=_artifacts(outputs[:ours_jobs]),
        mocks=_artifacts(outputs[ours_jobs:]),
        warnings=_warnings(outputs),
    )


def compile_mocks(config: Settings | None = None) -> dict[str, Artifact]:
    """Compile only the contracts for tests, by name: the package's own need not compile. Raises as above."""
    config = config or settings()
    _, with_mocks = read_sources(config)
    mocks = [unit for unit in with_mocks if unit.startswith(MOCKS_PREFIX)]
    compiler, cache_dir = find_compiler(config), _cache_dir(config)
    jobs = _mock_jobs(mocks, config)
    return _artifacts([_run(compiler, job, cache_dir, force=False) for job in jobs])


def _mock_jobs(mocks: Iterable[str], config: Settings) -> list[Json]:
    """Part the mocks that import our contracts from the others: these need no compiling when ours change."""
    parts: dict[bool, list[str]] = {}
    for mock in mocks:
        drawn = (u for u in _closure([mock], config) if u.startswith("contracts/"))
        parts.setdefault(all(u.startswith(MOCKS_PREFIX) for u in drawn), []).append(mock)
    return [_standard_input(_closure(part, config), part) for part in parts.values()]


def _cache_dir(config: Settings) -> Path:
    return config.data_dir / "cache" / "solc"


def _shares(units: Iterable[str], sources: Mapping[str, str]) -> list[list[str]]:
    """Deal the files out to as many compilers as run at once, by length, longest first.

    Each still reads all sources and only writes out its share, so the bytes do not depend on the dealing.
    """
    shares: list[list[str]] = [[] for _ in range(_PROCESSES)]
    for unit in sorted(units, key=lambda unit: (_weight(unit, sources), unit), reverse=True):
        min(shares, key=lambda share: sum(_weight(u, sources) for u in share)).append(unit)
    return [sorted(share) for share in shares if share]


def _weight(unit: str, sources: Mapping[str, str]) -> int:
    """Estimate the work of writing out a file: the length of all code that it draws in, itself included."""
    if not re.search(r"^contract ", sources[unit], re.MULTILINE):
        return 1
    drawn: set[str] = set()
    todo = [unit]
    while todo:
        if (name := todo.pop()) not in drawn:
            drawn.add(name)
            todo.extend(_imports(name, sources[name]))
    code = [sources[name] for name in drawn if re.search(_HAS_CODE, sources[name], re.MULTILINE)]
    return sum(map(len, code))


def _imports(unit: str, text: str) -> list[str]:
    folder = posixpath.dirname(unit)
    return [
        posixpath.normpath(posixpath.join(folder, t) if t.startswith(("./", "../")) else t)
        for t in _IMPORT.findall(text)
    ]


def _standard_input(sources: Mapping[str, str], wanted: Iterable[str]) -> Json:
    return {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": dict(COMPILER_SETTINGS)
        | {"outputSelection": {unit: {"*": list(_OUTPUTS)} for unit in wanted}},
    }


def _run(compiler: Compiler, job: Json, cache_dir: Path, *, force: bool) -> Json:
    """Compile one standard JSON input, or take the output from the cache."""
    key = _sha256(json.dumps([compiler.version, job], sort_keys=True).encode())
    cached = cache_dir / f"{key}.json"
    if cached.exists() and not force:
        output: Json = json.loads(cached.read_bytes())
        cached.touch()
        return output
    try:
        output = solcx.compile_standard(job, solc_binary=compiler.path)
    except SolcError as error:
        raise _rejected(compiler, error) from error
    cache_dir.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(output), encoding="utf-8")
    partial.replace(cached)
    return output


def _forget_old(cache_dir: Path, keep: int = 8) -> None:
    files = sorted(cache_dir.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in files[keep:]:
        old.unlink(missing_ok=True)


def _rejected(compiler: Compiler, error: SolcError) -> YuanliuError:
    try:
        findings = json.loads(error.stdout_data or "")["errors"]
    except (ValueError, KeyError):
        return YuanliuError(
            "compiler.crashed",
            f"the compiler {compiler.path} ended without an answer: {error.stderr_data}".strip(),
            hint="run it by hand with --version; ./scripts/setup reinstalls the pinned one",
            fields={"path": str(compiler.path), "return_code": error.return_code},
        )
    errors = [f for f in findings if f["severity"] == "error"]
    text = "\n".join(f["formattedMessage"].rstrip() for f in errors)
    places = [f.get("sourceLocation", {}).get("file", "") for f in errors]
    return YuanliuError(
        "compiler.rejected",
        f"Solidity {SOLC_VERSION} found {len(errors)} error{'s' if len(errors) != 1 else ''}\n\n{text}",
        hint="correct the marked place and run `yuanliu compile` again",
        fields={"errors": len(errors), "files": sorted(set(places))},
    )


def _warnings(outputs: Iterable[Json]) -> list[str]:
    """Give the warnings about our own files, without repetitions."""
    found: dict[str, None] = {}
    for output in outputs:
        for finding in output.get("errors", []):
            if finding.get("sourceLocation", {}).get("file", "contracts/").startswith("contracts/"):
                found[finding["formattedMessage"].rstrip()] = None
    return list(found)


def _artifacts(outputs: Iterable[Json]) -> dict[str, Artifact]:
    artifacts: dict[str, Artifact] = {}
    units = [unit for output in outputs for unit in output.get("contracts", {}).items()]
    for unit, contracts in sorted(units):
        for name, data in sorted(contracts.items()):
            if name in artifacts:
                raise YuanliuError(
                    "compiler.duplicate_name",
                    f"{name} is defined in {artifacts[name].source} and in {unit}",
                    hint="give each contract its own name: artifacts are found by it",
                    fields={"name": name, "sources": [artifacts[name].source, unit]},
                )
            artifact = _artifact(name, unit, data)
            if artifact.size > CODE_SIZE_LIMIT and not unit.startswith(MOCKS_PREFIX):
                raise YuanliuError(
                    "compiler.too_large",
                    f"{name} has {artifact.size:,} bytes of code; a chain takes {CODE_SIZE_LIMIT:,}",
                    hint="move code into a library or another contract (EIP-170)",
                    fields={"name": name, "size": artifact.size, "limit": CODE_SIZE_LIMIT},
                )
            artifacts[name] = artifact
    return artifacts


def _artifact(name: str, unit: str, data: Json) -> Artifact:
    evm, abi = data.get("evm", {}), data["abi"]
    creation, deployed = evm.get("bytecode", {}), evm.get("deployedBytecode", {})
    return Artifact(
        name=name,
        source=unit,
        abi=abi,
        bytecode="0x" + creation.get("object", ""),
        deployed_bytecode="0x" + deployed.get("object", ""),
        immutable_references=deployed.get("immutableReferences", {}),
        link_references=creation.get("linkReferences", {}),
        method_identifiers=evm.get("methodIdentifiers", {}),
        errors={"0x" + keccak(text=s).hex()[:8]: s for s in _signatures(abi, "error")},
        events={"0x" + keccak(text=s).hex(): s for s in _signatures(abi, "event")},
    )


def _signatures(abi: Iterable[Json], kind: str) -> list[str]:
    return sorted(
        f"{entry['name']}({','.join(map(_abi_type, entry['inputs']))})"
        for entry in abi
        if entry["type"] == kind
    )


def _abi_type(parameter: Json) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_abi_type, parameter['components']))}){kind.removeprefix('tuple')}"


def manifest_head(sources: Mapping[str, str]) -> Json:
    """Give what decides the bytecode: compiler version, its settings and each source's SHA-256."""
    return {
        "solcVersion": SOLC_VERSION,
        "settings": dict(COMPILER_SETTINGS),
        "sourceHash": _sha256(_dump(dict(sorted(sources.items())))),
        "sources": dict(sorted(sources.items())),
    }


def up_to_date(config: Settings | None = None, artifacts_dir: Path = ARTIFACTS_DIR) -> bool:
    """Tell from hashes alone, without compiling, whether the committed artifacts match the sources."""
    sources, _ = read_sources(config)
    try:
        manifest: Json = json.loads((artifacts_dir / "manifest.json").read_bytes())
        head = manifest_head({unit: _sha256(text.encode()) for unit, text in sources.items()})
        return head.items() <= manifest.items() and manifest["artifacts"] == {
            p.name: _sha256(p.read_bytes())
            for p in artifacts_dir.glob("*.json")
            if p.name != "manifest.json"
        }
    except (FileNotFoundError, ValueError, KeyError):
        return False


def write_artifacts(compilation: Compilation, artifacts_dir: Path = ARTIFACTS_DIR) -> list[str]:
    """Make the folder hold exactly this compilation; give the names of the files that changed."""
    changed = differences(compilation, artifacts_dir)
    wanted = compilation.files()
    artifacts_dir.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (artifacts_dir / name).write_bytes(wanted[name])
        else:
            (artifacts_dir / name).unlink()
    return changed


def differences(compilation: Compilation, artifacts_dir: Path = ARTIFACTS_DIR) -> list[str]:
    """Give the names of the committed files that are missing, superfluous or other than compiled."""
    wanted = compilation.files()
    found = {p.name: p.read_bytes() for p in artifacts_dir.glob("*.json")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
