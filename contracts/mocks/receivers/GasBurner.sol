// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title A receiver that burns all gas it is given
contract GasBurner {
    fallback() external {
        assembly {
            invalid()
        }
    }
}
