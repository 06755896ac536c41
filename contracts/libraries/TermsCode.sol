// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {ICatalogue} from "../interfaces/ICatalogue.sol";
import {Gtin, TermsId} from "./Types.sol";

/// @title Terms as code
/// @notice Published terms are the code of an account of their own, whose address follows from their number: nothing can
/// ever change them, and a payment reads them for 2,900 gas instead of 9,900 from storage behind a call.
///
/// Layout after one STOP byte: `token (20) ‖ farmer, cooperative, platform basis points (2 each) ‖ cooperative payee (20)
/// ‖ floor per unit (12) ‖ platform payee (20) ‖ gtin (8)`.
library TermsCode {
    uint256 private constant LENGTH = 86;

    /// @dev Init code that returns what follows it: PUSH1 length, DUP1, PUSH1 offset, RETURNDATASIZE, CODECOPY,
    /// RETURNDATASIZE, RETURN; then STOP, which begins the code.
    bytes10 private constant INIT = 0x60578060093d393df300;

    /// @notice Publishes terms under their number. The caller is the catalogue.
    function publish(TermsId id, ICatalogue.Terms calldata terms, Gtin gtin) internal {
        bytes memory code = abi.encodePacked(
            INIT,
            terms.token,
            terms.farmerBps,
            terms.cooperativeBps,
            terms.platformBps,
            terms.cooperativePayee,
            terms.floorPerUnit,
            terms.platformPayee,
            gtin
        );
        // slither-disable-next-line unused-return -- the address follows from the number
        Create3.deploy(0, _salt(id), code);
    }

    /// @notice The terms of a number and the product they are for.
    /// @dev Requirements: `catalogue` published them.
    function read(address catalogue, TermsId id) internal view returns (ICatalogue.Terms memory terms, Gtin gtin) {
        address source = Create3.computeAddress(_salt(id), catalogue);
        if (source.code.length == 0) revert ICatalogue.Catalogue_UnknownTerms(id);
        assembly ("memory-safe") {
            // Three words past the free pointer, read with shifts.
            let at := mload(0x40)
            extcodecopy(source, at, 1, LENGTH)
            let a := mload(at)
            mstore(terms, shr(96, a))
            mstore(add(terms, 0x20), and(shr(80, a), 0xffff))
            mstore(add(terms, 0x40), and(shr(64, a), 0xffff))
            mstore(add(terms, 0x60), and(shr(48, a), 0xffff))
            mstore(add(terms, 0x80), shr(96, mload(add(at, 26))))
            mstore(add(terms, 0xa0), shr(160, mload(add(at, 46))))
            mstore(add(terms, 0xc0), shr(96, mload(add(at, 58))))
            gtin := shr(192, mload(add(at, 78)))
        }
    }

    function _salt(TermsId id) private pure returns (bytes32) {
        return bytes32(uint256(TermsId.unwrap(id)));
    }
}
