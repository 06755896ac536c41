// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Acting} from "./Acting.sol";
import {Origin} from "./batches/Origin.sol";
import {IActors} from "./interfaces/IActors.sol";
import {IBatches} from "./interfaces/IBatches.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {IDeliveries} from "./interfaces/IDeliveries.sol";
import {Roles} from "./libraries/Roles.sol";
import {Split} from "./libraries/Split.sol";
import {BatchId} from "./libraries/Types.sol";

/// @title Batches
/// @notice Events and sale; the rest is in `batches/`: Journal ← Safety (hold, recall) ← Custody (units) ← Origin.
contract Batches is Origin {
    address public immutable PAYMENTS;

    mapping(BatchId batch => mapping(bytes32 root => bool)) private _anchored;

    constructor(
        ICatalogue catalogue,
        IDeliveries deliveries,
        address payments,
        IActors actors,
        string memory uri
    ) Acting(actors) ERC1155(uri) Origin(catalogue, deliveries) {
        PAYMENTS = payments;
    }

    // ------------------------------------------------------------------ events

    /// @inheritdoc IBatches
    function record(BatchId batch, Kind kind, bytes calldata payload) external {
        // Check
        (address actor, address signer) = _writer(batch, kind);
        bool plain = kind == Kind.Production || kind == Kind.Logistics;
        if (!plain) revert Batches_KindNotAllowed(batch, kind, actor);
        _checkPayload(payload);
        // Effect
        _append(batch, kind, actor, signer, payload);
    }

    /// @inheritdoc IBatches
    function anchor(BatchId batch, bytes32 root, uint32 count, bytes calldata payload) external {
        // Check
        (address actor, address signer) = _writer(batch, Kind.Readings);
        if (root == 0 || count == 0 || _anchored[batch][root]) revert Batches_ReadingsInvalid();
        _checkPayload(payload);
        // Effect
        _anchored[batch][root] = true;
        _append(batch, Kind.Readings, actor, signer, abi.encodePacked(root, count, payload));
    }

    /// @inheritdoc IBatches
    function isReading(BatchId batch, bytes32 root, bytes calldata reading, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 leaf = keccak256(bytes.concat(keccak256(reading)));
        return _anchored[batch][root] && MerkleProof.verifyCalldata(proof, root, leaf);
    }

    /// @inheritdoc IBatches
    function correct(BatchId batch, bytes32 wrong, bytes32 corrective, bytes calldata payload) external {
        // Check
        (address actor, address signer) = _writer(batch, Kind.Corrected);
        if (wrong == 0 || corrective == 0 || wrong == corrective) {
            revert Batches_CorrectionInvalid(batch, wrong, corrective);
        }
        _checkPayload(payload);
        // Effect
        _append(batch, Kind.Corrected, actor, signer, abi.encodePacked(wrong, corrective, payload));
    }

    /// @dev Whoever made the call, if he may write events of the kind.
    function _writer(BatchId batch, Kind kind) private view returns (address actor, address signer) {
        address cooperative = _registered(batch).cooperative;
        uint16 roles;
        signer = _msgSender();
        (actor, roles) = ACTORS.resolve(signer);
        uint16 anyones = _rolesFor(kind);
        if (kind != Kind.Inspection && actor == cooperative && anyones != 0) return (actor, signer);
        if (roles & anyones & ~Roles.FARMER != 0) return (actor, signer);
        bool ownFarmer = roles & anyones & Roles.FARMER != 0 && ACTORS.actorOf(actor).enroller == cooperative;
        if (!ownFarmer) revert Batches_KindNotAllowed(batch, kind, actor);
    }

    /// @dev Who besides the batch's cooperative may write events of a kind; a farmer, only on his own cooperative's.
    function _rolesFor(Kind kind) private pure returns (uint16) {
        if (kind == Kind.Production) return Roles.FARMER;
        if (kind == Kind.Logistics) return Roles.CARRIER | Roles.RETAILER;
        if (kind == Kind.Readings) return Roles.CARRIER | Roles.RETAILER | Roles.INSPECTOR;
        if (kind == Kind.Corrected) {
            return Roles.FARMER | Roles.INSPECTOR | Roles.CARRIER | Roles.RETAILER | Roles.REGULATOR;
        }
        return 0;
    }

    // ------------------------------------------------------------------ sale

    /// @inheritdoc IBatches
    function sell(BatchId batch, uint64 units, uint128 amount, address payer, address buyer, uint256 orderReference)
        external
        returns (Sale memory sale)
    {
        // Check
        if (msg.sender != PAYMENTS) revert Batches_OnlyPayments(msg.sender);
        Batch storage b = _registered(batch);
        if (units == 0) revert Batches_NoUnits();
        if (buyer == address(this)) revert Batches_ReceiverInvalid(buyer);
        _checkMovable(batch, b);
        ICatalogue.Terms memory terms = _terms(b.terms);
        uint256 floor = uint256(terms.floorPerUnit) * units;
        if (amount < floor) revert Batches_AmountBelowFloor(amount, floor);
        uint256 due = uint256(b.price) * units;
        if (amount != due) revert Batches_AmountDiffers(amount, due);
        // Effect
        sale = Sale({
            token: terms.token,
            farmer: b.farmer,
            cooperativePayee: terms.cooperativePayee,
            platformPayee: terms.platformPayee,
            shares: Split.sharesDown(amount, floor, terms.cooperativeBps, terms.platformBps)
        });
        _move(batch, b.cooperative, buyer, units);
        _append(
            batch,
            Kind.Sold,
            payer,
            payer,
            abi.encodePacked(
                orderReference,
                buyer,
                units,
                amount,
                sale.shares.farmers,
                sale.shares.cooperative,
                sale.shares.platform
            )
        );
    }
}
