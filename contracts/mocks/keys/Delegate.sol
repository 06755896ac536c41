// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Code that an ordinary account may delegate to (EIP-7702); as ERC-1271 it denies every signature
contract Delegate {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0xffffffff;
    }
}
