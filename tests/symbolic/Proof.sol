// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice What the prover offers to a test, after Foundry's and halmos's cheat codes.
interface Vm {
    function assume(bool condition) external pure;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function prank(address sender) external;
}

interface Svm {
    function enableSymbolicStorage(address target) external;
    function createCalldata(string calldata artifact) external pure returns (bytes memory);
}

Vm constant VM = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
Svm constant SVM = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

/// @notice Base of the proofs. `prove_…` must hold for all inputs and, because the storage is any storage, from every
/// state; `find_…` is wrong on purpose, and an input that shows it must be found.
abstract contract Proof {
    /// @dev Deploys one of our contracts by the code that is deployed elsewhere.
    function _new(string memory artifact, bytes memory arguments) internal returns (address made) {
        bytes memory code = bytes.concat(VM.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        assert(made.code.length != 0);
    }

    /// @dev The same in any state whatsoever.
    function _any(string memory artifact, bytes memory arguments) internal returns (address made) {
        made = _new(artifact, arguments);
        SVM.enableSymbolicStorage(made);
    }

    /// @dev Anything that one may call a contract with to change its state.
    function _anyData(string memory artifact) internal pure returns (bytes memory data, bytes4 selector) {
        data = SVM.createCalldata(artifact);
        VM.assume(data.length >= 4);
        selector = bytes4(data);
    }

    /// @dev Whoever calls whatever.
    function _anyCall(address caller, address target, string memory artifact) internal {
        (bytes memory data,) = _anyData(artifact);
        VM.prank(caller);
        (bool done,) = target.call(data);
        VM.assume(done);
    }
}
