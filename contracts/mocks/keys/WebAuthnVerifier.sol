// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7913WebAuthnVerifier} from
    "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";

/// @title OpenZeppelin's verifier of passkeys (WebAuthn), deployable by tests
contract WebAuthnVerifier is ERC7913WebAuthnVerifier {}
