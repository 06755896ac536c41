// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";
import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {IBatches} from "../interfaces/IBatches.sol";
import {BatchId} from "../libraries/Types.sol";
import {Safety} from "./Safety.sol";

/// @title Custody
/// @notice Units are balances of actors. They move by a sale, or by an offer that the receiver accepts; while offered
/// they are the contract's own, so that nothing offered can be sold.
abstract contract Custody is Safety, ERC1155 {
    mapping(BatchId batch => mapping(uint32 number => Offer)) private _offers;

    /// @inheritdoc IBatches
    function offer(BatchId batch, address to, uint64 units) external returns (uint32 number) {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer) = _actor();
        if (to == address(0) || to == actor || to == address(this)) revert Batches_ReceiverInvalid(to);
        if (units == 0) revert Batches_NoUnits();
        if (to != b.cooperative) _checkMovable(batch, b);
        // Effect
        _move(batch, actor, address(this), units);
        number = ++b.offers;
        _append(batch, Kind.Offered, actor, signer, abi.encodePacked(number, to, units));
        _offers[batch][number] = Offer({from: actor, units: units, to: to});
    }

    /// @inheritdoc IBatches
    function accept(BatchId batch, uint32 number) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer) = _actor();
        if (actor != b.cooperative) _checkMovable(batch, b);
        // Effect
        _close(batch, number, actor, _offers[batch][number].to, actor);
        _append(batch, Kind.Accepted, actor, signer, abi.encodePacked(number));
    }

    /// @inheritdoc IBatches
    function refuse(BatchId batch, uint32 number, string calldata reason) external {
        // Check
        (address actor, address signer) = _actor();
        _checkReason(reason);
        // Effect
        Offer storage o = _offers[batch][number];
        _close(batch, number, actor, o.to, o.from);
        _append(batch, Kind.Refused, actor, signer, abi.encodePacked(number, reason));
    }

    /// @inheritdoc IBatches
    function withdraw(BatchId batch, uint32 number) external {
        // Check
        (address actor, address signer) = _actor();
        // Effect
        Offer storage o = _offers[batch][number];
        _close(batch, number, actor, o.from, o.from);
        _append(batch, Kind.Withdrawn, actor, signer, abi.encodePacked(number));
    }

    /// @inheritdoc IBatches
    function offerOf(BatchId batch, uint32 number) external view returns (Offer memory) {
        return _offers[batch][number];
    }

    /// @dev Ends an open offer that is `entitled`'s to end, and gives the units to `receiver`.
    function _close(BatchId batch, uint32 number, address actor, address entitled, address receiver) private {
        Offer storage o = _offers[batch][number];
        uint64 units = o.units;
        if (units == 0 || actor != entitled) revert Batches_OfferNotOpen(batch, number, actor);
        o.units = 0;
        _move(batch, address(this), receiver, units);
    }

    /// @dev Whoever made the call, with or without a role.
    function _actor() private view returns (address actor, address signer) {
        signer = _msgSender();
        // slither-disable-next-line unused-return -- no role is needed
        (actor,) = ACTORS.resolve(signer);
    }

    /// @dev Moves units; from zero it mints, to zero it burns. Without OpenZeppelin's acceptance call: the receiver is
    /// whoever signed for it, and no stranger's code runs in the middle.
    function _move(BatchId batch, address from, address to, uint256 units) internal {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        ids[0] = BatchId.unwrap(batch);
        values[0] = units;
        if (from != address(0)) {
            uint256 held = balanceOf(from, ids[0]);
            if (held < units) revert Batches_NotEnoughUnits(batch, from, held, units);
        }
        _update(from, to, ids, values);
    }

    // ------------------------------------------------------------------ ERC-1155, closed

    /// @notice Always reverts: units move by {offer} and {accept}, or by a sale.
    function safeTransferFrom(address, address, uint256, uint256, bytes memory) public pure override {
        revert Batches_HandOverOnly();
    }

    /// @notice Always reverts: units move by {offer} and {accept}, or by a sale.
    function safeBatchTransferFrom(address, address, uint256[] memory, uint256[] memory, bytes memory)
        public
        pure
        override
    {
        revert Batches_HandOverOnly();
    }

    /// @notice Always reverts: nobody moves another's units.
    function setApprovalForAll(address, bool) public pure override {
        revert Batches_HandOverOnly();
    }

    // ------------------------------------------------------------------ one sender for both bases

    function _msgSender() internal view override(Context, ERC2771Context) returns (address) {
        return ERC2771Context._msgSender();
    }

    function _msgData() internal view override(Context, ERC2771Context) returns (bytes calldata) {
        return ERC2771Context._msgData();
    }

    function _contextSuffixLength() internal view override(Context, ERC2771Context) returns (uint256) {
        return ERC2771Context._contextSuffixLength();
    }
}
