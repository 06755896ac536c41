// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A batch of farm goods: `sha256(cooperative (20) ‖ gtin (8, big-endian) ‖ lot (20, zero padded))`, and at
/// once its ERC-1155 id. SHA-256, so that a phone's browser derives it without a library.
type BatchId is uint256;

/// @notice Number of a set of terms in the {ICatalogue}; 0 is no terms.
type TermsId is uint32;

/// @notice A GS1 GTIN-14 as a number, check digit included.
type Gtin is uint64;

using {batchIdEquals as ==} for BatchId global;
using {termsIdEquals as ==, termsIdDiffers as !=} for TermsId global;
using {gtinDiffers as !=} for Gtin global;

function batchIdEquals(BatchId a, BatchId b) pure returns (bool) {
    return BatchId.unwrap(a) == BatchId.unwrap(b);
}

function termsIdEquals(TermsId a, TermsId b) pure returns (bool) {
    return TermsId.unwrap(a) == TermsId.unwrap(b);
}

function termsIdDiffers(TermsId a, TermsId b) pure returns (bool) {
    return TermsId.unwrap(a) != TermsId.unwrap(b);
}

function gtinDiffers(Gtin a, Gtin b) pure returns (bool) {
    return Gtin.unwrap(a) != Gtin.unwrap(b);
}
