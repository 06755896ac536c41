// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

/// @title A token that answers two words: the first is true
contract WordyToken is TestToken(6) {
    function transfer(address to, uint256 value) public override returns (bool) {
        super.transfer(to, value);
        _answer();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        super.transferFrom(from, to, value);
        _answer();
    }

    function _answer() private pure {
        assembly {
            mstore(0x00, 1)
            mstore(0x20, 42)
            return(0x00, 0x40)
        }
    }
}
