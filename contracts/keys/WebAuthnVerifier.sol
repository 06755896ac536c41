// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7913WebAuthnVerifier} from
    "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";

/// @title Passkeys
/// @notice Checks WebAuthn assertions for the relay (ERC-7913): OpenZeppelin's verifier. A signer is
/// `this address ‖ x (32) ‖ y (32)`.
contract WebAuthnVerifier is ERC7913WebAuthnVerifier {}
