// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title A receiver that fails with an answer of 100 kB, for the caller to copy and pay for
contract Bomb {
    fallback() external {
        assembly {
            revert(0, 102400)
        }
    }
}
