// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBatches} from "../interfaces/IBatches.sol";
import {ICatalogue} from "../interfaces/ICatalogue.sol";
import {IDeliveries} from "../interfaces/IDeliveries.sol";
import {Members} from "../libraries/Members.sol";
import {Roles} from "../libraries/Roles.sol";
import {TermsCode} from "../libraries/TermsCode.sol";
import {Text} from "../libraries/Text.sol";
import {BatchId, Gtin, TermsId} from "../libraries/Types.sol";
import {Custody} from "./Custody.sol";

/// @title Origin
/// @notice The two ways in which a batch comes about, from deliveries and from other batches. Either way outputs plus
/// loss are the inputs by mass, and the members of its pool are its inputs.
abstract contract Origin is Custody {
    ICatalogue public immutable CATALOGUE;
    IDeliveries public immutable DELIVERIES;

    uint32 private _transformations;

    constructor(ICatalogue catalogue, IDeliveries deliveries) {
        CATALOGUE = catalogue;
        DELIVERIES = deliveries;
    }

    /// @inheritdoc IBatches
    function idOf(address cooperative, Gtin gtin, bytes20 lot) public pure returns (BatchId) {
        return BatchId.wrap(uint256(sha256(abi.encodePacked(cooperative, gtin, lot))));
    }

    // ------------------------------------------------------------------ from deliveries

    /// @inheritdoc IBatches
    function collect(Gtin gtin, bytes20 lot, uint64[] calldata receipts) external returns (BatchId batch) {
        // Check
        (address cooperative, address signer,) = _actorWith(Roles.COOPERATIVE);
        _checkCount(receipts.length);
        batch = _newId(cooperative, gtin, lot);
        // Effect
        Batch storage b = _batches[batch];
        (bytes memory entries, bytes32[] memory leaves) = _enter(b, batch, cooperative, gtin, receipts);
        _roots[batch][b.chunks++] = Members.root(leaves);
        _append(batch, Kind.Collected, cooperative, signer, entries);
    }

    /// @inheritdoc IBatches
    function register(Registration calldata r, uint64[] calldata receipts, bytes calldata payload)
        external
        returns (BatchId batch)
    {
        // Check
        (address cooperative, address signer,) = _actorWith(Roles.COOPERATIVE);
        _checkPayload(payload);
        batch = _newId(cooperative, r.gtin, r.lot);
        Batch storage b = _batches[batch];
        // Effect
        (bytes memory entries, bytes32[] memory leaves) = _enter(b, batch, cooperative, r.gtin, receipts);
        if (b.totalWeight == 0) revert Batches_CountInvalid(0, Members.CHUNK);
        uint256 delivered = uint256(b.grams) * 1000;
        uint256 accounted = uint256(r.units) * r.massPerUnit + r.loss;
        if (delivered != accounted) revert Batches_MassDiffers(delivered, accounted);
        if (b.farmer == address(0) && leaves.length != 0) _roots[batch][b.chunks++] = Members.root(leaves);
        _open(batch, b, cooperative, r.units, r.massPerUnit, r.price, _terms(b.terms));
        // slither-disable-next-line encode-packed-collision -- entries begin with their number
        _append(
            batch,
            Kind.Registered,
            cooperative,
            signer,
            abi.encodePacked(
                r.gtin, r.lot, b.terms, r.units, r.massPerUnit, r.loss, r.price, entries, payload
            )
        );
    }

    /// @dev Enters deliveries, adds up grams and weights, and keeps `farmer` while there is only one.
    function _enter(Batch storage b, BatchId batch, address cooperative, Gtin gtin, uint64[] calldata receipts)
        private
        returns (bytes memory entries, bytes32[] memory leaves)
    {
        uint256 count = receipts.length;
        entries = abi.encodePacked(uint16(count));
        if (count == 0) return (entries, leaves);
        if (count > Members.CHUNK) revert Batches_CountInvalid(count, Members.CHUNK);

        bool first = b.totalWeight == 0;
        // slither-disable-next-line reentrancy-no-eth -- it is ours, and calls nobody
        IDeliveries.Delivery[] memory deliveries = DELIVERIES.enter(cooperative, receipts, batch, b.terms);
        if (first) {
            b.cooperative = cooperative;
            b.terms = deliveries[0].terms;
            b.farmer = deliveries[0].farmer;
            // slither-disable-next-line unused-return -- only the product matters
            (, Gtin product) = TermsCode.read(address(CATALOGUE), b.terms);
            if (product != gtin) revert Batches_TermsNotForProduct(b.terms, gtin);
        }

        uint256 grams = b.grams;
        uint256 weight = b.totalWeight;
        uint256 index = uint256(b.chunks) * Members.CHUNK;
        address farmer = b.farmer;
        leaves = new bytes32[](count);
        bytes[] memory parts = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            IDeliveries.Delivery memory d = deliveries[i];
            uint64 share = uint64(d.grams) * d.gradeBps;
            grams += d.grams;
            weight += share;
            if (d.farmer != farmer) farmer = address(0);
            leaves[i] = Members.leaf(address(this), batch, index + i, uint160(d.farmer), share);
            parts[i] = abi.encodePacked(receipts[i], d.farmer, d.grams, d.gradeBps);
        }
        b.grams = _toUint48(grams);
        b.totalWeight = _toUint64(weight);
        b.farmer = farmer;
        entries = _concat(entries, parts);
    }

    // ------------------------------------------------------------------ from batches

    /// @dev What all inputs come to, and what of it the outputs account for.
    struct Sum {
        uint64 mass;
        uint256 massOut;
        uint256 floor;
        uint256 floorOut;
        uint16 farmerBps;
        address token;
        address farmer;
        uint32 transformation;
    }

    /// @inheritdoc IBatches
    function transform(Input[] calldata inputs, Output[] calldata outputs, uint64 loss)
        external
        returns (BatchId[] memory batches)
    {
        // Check
        (address cooperative, address signer,) = _actorWith(Roles.COOPERATIVE);
        _checkCount(inputs.length);
        _checkCount(outputs.length);
        // Effect
        (Sum memory sum, uint64[] memory masses) = _consume(inputs, cooperative, signer);
        bytes memory parents = _parentsEntry(inputs, masses);
        batches = new BatchId[](outputs.length);
        sum.massOut = loss;
        for (uint256 i; i < outputs.length; ++i) {
            batches[i] = _derive(inputs, masses, outputs[i], sum, cooperative);
            _appendDerived(batches[i], outputs[i], sum.transformation, parents, cooperative, signer);
        }
        if (sum.massOut != sum.mass) revert Batches_MassDiffers(sum.mass, sum.massOut);
        if (sum.floorOut < sum.floor) revert Batches_FloorLost(sum.floor, sum.floorOut);
    }

    /// @dev Burns the inputs, each with its record, and adds them up.
    function _consume(Input[] calldata inputs, address cooperative, address signer)
        private
        returns (Sum memory sum, uint64[] memory masses)
    {
        masses = new uint64[](inputs.length);
        sum.transformation = ++_transformations;
        // slither-disable-next-line uninitialized-local -- starts at 0
        uint256 total;
        // slither-disable-next-line uninitialized-local -- starts at 0: no batch has that id
        uint256 before;
        // slither-disable-next-line uninitialized-local -- starts at 0: no terms have that number
        TermsId known;
        // slither-disable-next-line uninitialized-local -- the first batch's terms are not 0, so they are read
        ICatalogue.Terms memory terms;
        for (uint256 i; i < inputs.length; ++i) {
            Input calldata input = inputs[i];
            Batch storage b = _registered(input.batch);
            // Check
            if (BatchId.unwrap(input.batch) <= before) revert Batches_InputsUnsorted(input.batch);
            before = BatchId.unwrap(input.batch);
            if (input.units == 0) revert Batches_NoUnits();
            _checkMovable(input.batch, b);
            if (b.terms != known) {
                known = b.terms;
                terms = _terms(known);
                if (i != 0 && terms.token != sum.token) revert Batches_TokensDiffer(sum.token, terms.token);
                sum.token = terms.token;
                if (terms.farmerBps > sum.farmerBps) sum.farmerBps = terms.farmerBps;
            }
            sum.floor += uint256(input.units) * terms.floorPerUnit;
            if (i == 0) sum.farmer = b.farmer;
            else if (b.farmer != sum.farmer) sum.farmer = address(0);
            masses[i] = _toUint64(uint256(input.units) * b.massPerUnit);
            total += masses[i];
            // Effect
            _move(input.batch, cooperative, address(0), input.units);
            _parents[sum.transformation].push(input.batch);
            _append(
                input.batch, Kind.Consumed, cooperative, signer, abi.encodePacked(sum.transformation, input.units)
            );
        }
        sum.mass = _toUint64(total);
    }

    /// @dev Makes one output batch; its record is appended by the caller.
    function _derive(
        Input[] calldata inputs,
        uint64[] memory masses,
        Output calldata o,
        Sum memory sum,
        address cooperative
    ) private returns (BatchId batch) {
        // Check
        _checkPayload(o.payload);
        batch = _newId(cooperative, o.gtin, o.lot);
        Batch storage b = _batches[batch];
        if (b.head != 0) revert Batches_AlreadyRegistered(batch);
        TermsId id = CATALOGUE.productOf(o.gtin).inForce;
        if (id == TermsId.wrap(0)) revert Batches_NotMyProduct(cooperative, o.gtin);
        ICatalogue.Terms memory terms = _terms(id);
        if (terms.token != sum.token) revert Batches_TokensDiffer(sum.token, terms.token);
        if (terms.farmerBps < sum.farmerBps) revert Batches_FarmerShareLost(sum.farmerBps, terms.farmerBps);
        // Effect
        sum.massOut += uint256(o.units) * o.massPerUnit;
        sum.floorOut += uint256(o.units) * terms.floorPerUnit;
        b.cooperative = cooperative;
        b.terms = id;
        b.farmer = sum.farmer;
        b.totalWeight = sum.mass;
        b.flags = DERIVED;
        b.clearAt = _epoch;
        _transformationOf[batch] = sum.transformation;
        if (sum.farmer == address(0)) {
            bytes32[] memory leaves = new bytes32[](inputs.length);
            for (uint256 i; i < inputs.length; ++i) {
                leaves[i] = Members.leaf(address(this), batch, i, BatchId.unwrap(inputs[i].batch), masses[i]);
            }
            _roots[batch][b.chunks++] = Members.root(leaves);
        }
        _open(batch, b, cooperative, o.units, o.massPerUnit, o.price, terms);
    }

    function _appendDerived(
        BatchId batch,
        Output calldata o,
        uint32 transformation,
        bytes memory parents,
        address cooperative,
        address signer
    ) private {
        // slither-disable-next-line encode-packed-collision -- parents begin with their number
        _append(
            batch,
            Kind.Derived,
            cooperative,
            signer,
            abi.encodePacked(
                o.gtin,
                o.lot,
                _batches[batch].terms,
                o.units,
                o.massPerUnit,
                transformation,
                o.price,
                parents,
                o.payload
            )
        );
    }

    function _parentsEntry(Input[] calldata inputs, uint64[] memory masses) private pure returns (bytes memory) {
        bytes[] memory parts = new bytes[](inputs.length);
        for (uint256 i; i < inputs.length; ++i) {
            parts[i] = abi.encodePacked(inputs[i].batch, masses[i]);
        }
        return _concat(abi.encodePacked(uint16(inputs.length)), parts);
    }

    // ------------------------------------------------------------------ both

    mapping(BatchId batch => mapping(uint256 chunk => bytes32)) private _roots;

    /// @inheritdoc IBatches
    function poolOf(BatchId batch, uint256 chunk) external view returns (uint64 totalWeight, bytes32 root) {
        return (_batches[batch].totalWeight, _roots[batch][chunk]);
    }

    /// @inheritdoc IBatches
    function farmerOf(BatchId batch) external view returns (address) {
        return _batches[batch].farmer;
    }

    /// @inheritdoc IBatches
    function setPrice(BatchId batch, uint96 price) external {
        // Check
        Batch storage b = _registered(batch);
        (address actor, address signer,) = _actorWith(Roles.COOPERATIVE);
        if (actor != b.cooperative) revert Batches_NotMyBatch(batch, b.cooperative, actor);
        _checkPrice(price, _terms(b.terms).floorPerUnit);
        // Effect
        b.price = price;
        _append(batch, Kind.Priced, actor, signer, abi.encodePacked(price));
    }

    /// @dev Puts a batch on the record as registered and mints its units to its cooperative.
    function _open(
        BatchId batch,
        Batch storage b,
        address cooperative,
        uint64 units,
        uint32 massPerUnit,
        uint96 price,
        ICatalogue.Terms memory terms
    ) private {
        if (units == 0 || massPerUnit == 0) revert Batches_NoUnits();
        _checkPrice(price, terms.floorPerUnit);
        b.flags |= REGISTERED;
        b.price = price;
        b.units = units;
        b.massPerUnit = massPerUnit;
        _move(batch, address(0), cooperative, units);
    }

    /// @dev The id of a lot of the caller's product that is not registered yet.
    function _newId(address cooperative, Gtin gtin, bytes20 lot) private view returns (BatchId batch) {
        if (!Text.isLot(lot)) revert Batches_LotInvalid(lot);
        if (CATALOGUE.productOf(gtin).cooperative != cooperative) revert Batches_NotMyProduct(cooperative, gtin);
        batch = idOf(cooperative, gtin, lot);
        if (_batches[batch].flags & REGISTERED != 0) revert Batches_AlreadyRegistered(batch);
    }

    function _terms(TermsId id) internal view returns (ICatalogue.Terms memory terms) {
        // slither-disable-next-line unused-return -- the product does not matter
        (terms,) = TermsCode.read(address(CATALOGUE), id);
    }

    function _checkPrice(uint96 price, uint96 floorPerUnit) private pure {
        if (price < floorPerUnit) revert Batches_PriceBelowFloor(price, floorPerUnit);
    }

    function _checkCount(uint256 count) private pure {
        if (count == 0 || count > Members.CHUNK) revert Batches_CountInvalid(count, Members.CHUNK);
    }

    function _toUint48(uint256 value) private pure returns (uint48) {
        if (value > type(uint48).max) revert Batches_MassDiffers(value, type(uint48).max);
        return uint48(value);
    }

    function _toUint64(uint256 value) private pure returns (uint64) {
        if (value > type(uint64).max) revert Batches_MassDiffers(value, type(uint64).max);
        return uint64(value);
    }

    /// @dev All parts in one piece; joining them one by one would copy the whole each time.
    function _concat(bytes memory head, bytes[] memory parts) private pure returns (bytes memory joined) {
        uint256 length = head.length;
        for (uint256 i; i < parts.length; ++i) {
            length += parts[i].length;
        }
        joined = new bytes(length);
        assembly ("memory-safe") {
            let at := add(joined, 0x20)
            mcopy(at, add(head, 0x20), mload(head))
            at := add(at, mload(head))
            let end := add(parts, mul(add(mload(parts), 1), 0x20))
            for { let p := add(parts, 0x20) } lt(p, end) { p := add(p, 0x20) } {
                let part := mload(p)
                mcopy(at, add(part, 0x20), mload(part))
                at := add(at, mload(part))
            }
        }
    }
}
