// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

/// @title A token that moves what it is asked to and then answers 100 kB, the first word true
contract BombToken is TestToken(6) {
    function transfer(address to, uint256 value) public override returns (bool) {
        super.transfer(to, value);
        assembly {
            let at := mload(0x40)
            mstore(at, 1)
            return(at, 102400)
        }
    }
}
