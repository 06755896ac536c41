// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {TestToken} from "./TestToken.sol";

/// @title A token whose balances all grow or shrink at once, by its own decision or within a transfer
contract RebasingToken is TestToken(6) {
    /// @notice Every balance is what was moved, times this, in basis points.
    uint256 public factorBps = 10_000;
    uint256 public factorAfterTransferBps;

    function rebase(uint256 bps) external {
        factorBps = bps;
    }

    /// @param bps What the factor becomes with the next transfer; 0 to leave it.
    function rebaseWithTransfer(uint256 bps) external {
        factorAfterTransferBps = bps;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return (super.balanceOf(account) * factorBps) / 10_000;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (factorAfterTransferBps != 0) factorBps = factorAfterTransferBps;
    }
}
