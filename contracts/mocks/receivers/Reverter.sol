// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title A receiver that wants nothing
contract Reverter {
    fallback() external {
        revert("no thanks");
    }
}
