// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7913P256Verifier} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913P256Verifier.sol";

/// @title OpenZeppelin's verifier of P-256 keys, deployable by tests
contract P256Verifier is ERC7913P256Verifier {}
