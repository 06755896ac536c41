// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7913P256Verifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913P256Verifier.sol";

/// @title Keys of phones and cards
/// @notice Checks raw P-256 signatures for the relay (ERC-7913): OpenZeppelin's verifier, which uses the chain's own check
/// at 0x100 (EIP-7951). A signer is `this address ‖ x (32) ‖ y (32)`.
contract P256Verifier is ERC7913P256Verifier {}
