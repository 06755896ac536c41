// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

interface ITokenReceiver {
    function tokensReceived(address from, uint256 amount) external;
}

/// @title A token that tells each receiver who listens, as ERC-777 does, and fails as the receiver fails
contract HookToken is TestToken(6) {
    mapping(address receiver => bool) public listens;

    function listen(address receiver) external {
        listens[receiver] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (!listens[to]) return;
        (bool success, bytes memory answer) = to.call(abi.encodeCall(ITokenReceiver.tokensReceived, (from, value)));
        if (!success) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
