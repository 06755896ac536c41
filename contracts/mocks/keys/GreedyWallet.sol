// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title A wallet that burns all gas when it is asked whether it signed
contract GreedyWallet {
    fallback() external {
        assembly {
            invalid()
        }
    }
}
