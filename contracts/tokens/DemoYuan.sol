// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @title DemoYuan
/// @notice Demonstration money: one whole token stands for one yuan, its smallest unit for one fen.
///
/// It can be moved in three ways: `transfer` (ERC-20), `permit` and `transferFrom` (EIP-2612), and
/// `transferWithAuthorization` or `receiveWithAuthorization` (ERC-3009), so that a buyer who holds no gas
/// can sign a payment that anyone submits.
///
/// @dev Warning: this is NOT money. Nothing backs it, and its issuer can mint any amount at any time. It
/// serves demonstrations and tests. A production deployment allow-lists a real settlement token instead.
///
/// Warning: a `permit` that another party submitted first makes a second submission revert. A caller that
/// wraps `permit` must go on with the allowance that is then already there.
contract DemoYuan is ERC20, ERC20Permit, ERC3009 {
    /// @notice The only account that may mint; set once, at deployment.
    address public immutable issuer;

    /// @notice Thrown when an account other than the issuer tries to mint.
    error DemoYuan_OnlyIssuer(address caller, address issuer);

    /// @notice Thrown when the token is deployed without an issuer.
    error DemoYuan_ZeroIssuer();

    /// @param issuer_ The account that may mint. Must not be zero.
    constructor(address issuer_) ERC20("Demo Yuan", "DCNY") ERC20Permit("Demo Yuan") {
        if (issuer_ == address(0)) revert DemoYuan_ZeroIssuer();
        issuer = issuer_;
    }

    /// @notice Creates demonstration money.
    ///
    /// @dev Emits a {Transfer} event from the zero address.
    ///
    /// Requirements:
    /// - `msg.sender` must be the issuer.
    /// - `to` must not be the zero address.
    ///
    /// @param to The account that receives it.
    /// @param amount The amount to mint, in fen.
    function mint(address to, uint256 amount) external {
        if (msg.sender != issuer) revert DemoYuan_OnlyIssuer({caller: msg.sender, issuer: issuer});
        _mint(to, amount);
    }

    /// @notice The number of decimals: 2, so that the smallest unit is one fen.
    /// @return The constant 2.
    function decimals() public pure override returns (uint8) {
        return 2;
    }
}
