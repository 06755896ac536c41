"""Runs slither on sources that are compiled already, in slither's own environment (it wants an older web3).

Reads solc's output (AST and ABI of each source) from the file in the first argument; the working folder has the
sources under the names in it. Writes the findings of high and medium impact as JSON on stdout; what a comment in the
source disables, slither leaves out by itself.
"""

import gc
import inspect
import json
import sys
from pathlib import Path

from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector, DetectorClassification

_NOTHING = {"object": "", "sourceMap": ""}
"""Slither reads no bytecode, but its parser asks for some."""


class Compiled(SolcStandardJson):
    """Takes the compiler's output instead of calling the compiler."""

    def compile(self, crytic_compile: CryticCompile, **_: object) -> None:
        output = self._json["output"]
        for contracts in output["contracts"].values():
            for contract in contracts.values():
                contract["evm"] = {"bytecode": _NOTHING, "deployedBytecode": _NOTHING}
        unit = CompilationUnit(crytic_compile, "standard_json")
        unit.compiler_version = CompilerVersion(
            compiler="solc", version=self._json["version"], optimized=True
        )
        parse_standard_json_output(output, unit, solc_working_dir=str(Path.cwd()))


def main() -> None:
    gc.disable()
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    slither = Slither(CryticCompile(Compiled(given)))
    wanted = {DetectorClassification.HIGH, DetectorClassification.MEDIUM}
    for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
        if issubclass(detector, AbstractDetector) and detector.IMPACT in wanted:
            slither.register_detector(detector)
    findings = [finding for found in slither.run_detectors() for finding in found or []]
    kept = [
        {key: finding[key] for key in ("check", "impact", "confidence", "description")}
        for finding in findings
    ]
    sys.stdout.write(json.dumps({"contracts": len(slither.contracts), "findings": kept}))


if __name__ == "__main__":
    main()
