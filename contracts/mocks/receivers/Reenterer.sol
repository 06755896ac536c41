// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title A receiver that makes a call of its choice in the middle of being paid
contract Reenterer {
    address public target;
    bytes public data;
    /// @notice Whether a failure of its call makes it refuse the money.
    bool public insists;
    uint256 public attempts;
    bool public succeeded;
    bytes4 public refusal;

    function prepare(address target_, bytes calldata data_, bool insists_) external {
        (target, data, insists) = (target_, data_, insists_);
    }

    function tokensReceived(address, uint256) external {
        if (target == address(0)) return;
        ++attempts;
        bytes memory answer;
        (succeeded, answer) = target.call(data);
        refusal = bytes4(answer);
        require(succeeded || !insists, "insists");
    }
}
