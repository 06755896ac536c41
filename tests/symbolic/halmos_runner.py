"""Runs halmos on contracts that are compiled already, in halmos's own environment (it wants an older z3).

The arguments are halmos's own; the folder given as `--root` has the contracts as Foundry would have left them.
"""

from subprocess import CompletedProcess

from halmos import __main__ as halmos
from halmos import sevm
from z3 import BitVecSort, FuncDeclRef, Function, SortRef, z3

_SHA256 = "f_sha256_"


def function(name: str, *sorts: SortRef) -> FuncDeclRef:
    """Give SHA-256 an argument of as many bytes as it has: halmos 0.3.3 takes their number for bits."""
    if name.startswith(_SHA256):
        sorts = (BitVecSort(8 * int(name.removeprefix(_SHA256))), *sorts[1:])
    return Function(name, *sorts)


class Built:
    """Answers for Foundry, which halmos asks to compile first."""

    @staticmethod
    def run(command: list[str]) -> CompletedProcess[bytes]:
        return CompletedProcess(command, 0)


if __name__ == "__main__":
    z3.Z3_DEBUG = False  # it checks each argument twice otherwise
    sevm.Function = function
    halmos.subprocess = Built
    halmos.main()
