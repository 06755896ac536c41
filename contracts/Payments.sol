// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Acting} from "./Acting.sol";
import {IActors} from "./interfaces/IActors.sol";
import {IBatches} from "./interfaces/IBatches.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {IPayments} from "./interfaces/IPayments.sol";
import {Members} from "./libraries/Members.sol";
import {Split} from "./libraries/Split.sol";
import {TermsCode} from "./libraries/TermsCode.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {BatchId} from "./libraries/Types.sol";

/// @title Payments
contract Payments is IPayments, Acting, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;
    using SafeERC20 for IERC20;

    /// @dev Most lines of an order and most steps of a claim.
    uint256 private constant MAX_LINES = 64;

    IBatches public immutable BATCHES;
    ICatalogue public immutable CATALOGUE;

    mapping(address payer => BitMaps.BitMap) private _paidOrders;
    mapping(BatchId batch => Pool) private _pools;
    /// @dev Receipts of the pool up to which a whole chunk was settled.
    mapping(BatchId batch => mapping(uint256 chunk => uint128)) private _settled;
    /// @dev Receipts up to which one member claimed by itself, and which members ever did: settling reads one word for a
    /// chunk instead of one for each member.
    mapping(BatchId batch => mapping(uint256 index => uint128)) private _claimed;
    mapping(BatchId batch => BitMaps.BitMap) private _claimers;
    /// @dev By whom it is due to, not by the address that could not be paid: he may redirect and try again.
    mapping(address token => mapping(address owner => uint256)) private _credits;

    constructor(IBatches batches, ICatalogue catalogue, IActors actors) Acting(actors) {
        BATCHES = batches;
        CATALOGUE = catalogue;
    }

    // ------------------------------------------------------------------ paying

    /// @inheritdoc IPayments
    function pay(Order calldata order) external nonReentrant {
        _pay(order, _msgSender(), "");
    }

    /// @inheritdoc IPayments
    function payWithPermit(Order calldata order, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        address payer = _msgSender();
        address token = _tokenOf(order);
        // Somebody may have sent the permit before us; then the allowance is there all the same.
        try IERC20Permit(token).permit(payer, address(this), value, deadline, v, r, s) {} catch {}
        _pay(order, payer, "");
    }

    /// @inheritdoc IPayments
    function payWithAuthorization(
        Order calldata order,
        address from,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        _pay(
            order,
            from,
            abi.encodeCall(
                IERC3009.receiveWithAuthorization,
                (from, address(this), _sum(order), validAfter, validBefore, orderHash(order), v, r, s)
            )
        );
    }

    /// @dev Pays an order with the payer's allowance, or by calling the token with `authorization` if there is one.
    function _pay(Order calldata order, address payer, bytes memory authorization) private {
        // Check
        uint256 count = order.lines.length;
        if (count == 0 || count > MAX_LINES) revert Payments_LinesInvalid(count, MAX_LINES);
        if (order.buyer == address(0)) revert Payments_ZeroBuyer();
        if (_paidOrders[payer].get(order.number)) revert Payments_OrderPaid(payer, order.number);
        // Effect
        _paidOrders[payer].set(order.number);
        IBatches.Sale[] memory sales = new IBatches.Sale[](count);
        for (uint256 i; i < count; ++i) {
            sales[i] = _sell(order, order.lines[i], payer);
            if (sales[i].token != sales[0].token) revert Payments_TokensDiffer(sales[0].token, sales[i].token);
        }
        // Interaction
        IERC20 token = IERC20(sales[0].token);
        uint256 total = _sum(order);
        uint256 expected = token.balanceOf(address(this)) + total;
        if (authorization.length == 0) {
            token.safeTransferFrom(payer, address(this), total);
        } else {
            _authorized(address(token), authorization);
        }
        for (uint256 i; i < count; ++i) {
            expected -= _share(order.lines[i].batch, sales[i]);
        }
        uint256 found = token.balanceOf(address(this));
        if (found != expected) revert Payments_TokenMovedOtherwise(address(token), expected, found);
    }

    function _sell(Order calldata order, Line calldata line, address payer) private returns (IBatches.Sale memory sale) {
        sale = BATCHES.sell({
            batch: line.batch,
            units: line.units,
            amount: line.amount,
            payer: payer,
            buyer: order.buyer,
            orderReference: order.number
        });
        if (sale.farmer == address(0)) _pools[line.batch].received += sale.shares.farmers;
    }

    /// @dev Sends a sale's shares to those who are paid at once.
    /// @return pushed What left the contract.
    function _share(BatchId batch, IBatches.Sale memory sale) private returns (uint256 pushed) {
        (address token, address cooperative, address platform) =
            (sale.token, sale.cooperativePayee, sale.platformPayee);
        pushed = _push(batch, token, cooperative, cooperative, sale.shares.cooperative);
        pushed += _push(batch, token, platform, platform, sale.shares.platform);
        if (sale.farmer != address(0)) {
            pushed += _push(batch, token, sale.farmer, ACTORS.payoutOf(sale.farmer), sale.shares.farmers);
        }
    }

    /// @dev Sends what is due to `owner` to `to`, or credits it if that receiver cannot be paid.
    /// @return pushed `amount`, or 0 if it was credited.
    function _push(BatchId batch, address token, address owner, address to, uint256 amount)
        private
        returns (uint256 pushed)
    {
        if (amount == 0) return 0;
        if (gasleft() < Tokens.PUSH_RESERVE) revert Payments_GasTooLow(gasleft(), Tokens.PUSH_RESERVE);
        if (to != address(this) && Tokens.push(token, to, amount)) return amount;
        _credits[token][owner] += amount;
        emit Credited({token: token, owner: owner, amount: amount, batch: batch});
    }

    function _authorized(address token, bytes memory authorization) private {
        (bool success, bytes memory answer) = token.call(authorization);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function _sum(Order calldata order) private pure returns (uint256 total) {
        for (uint256 i; i < order.lines.length; ++i) {
            total += order.lines[i].amount;
        }
    }

    function _tokenOf(Order calldata order) private view returns (address) {
        if (order.lines.length == 0) revert Payments_LinesInvalid(0, MAX_LINES);
        return _token(order.lines[0].batch);
    }

    function _token(BatchId batch) private view returns (address) {
        (ICatalogue.Terms memory terms,) = TermsCode.read(address(CATALOGUE), BATCHES.batchOf(batch).terms);
        return terms.token;
    }

    // ------------------------------------------------------------------ claiming

    /// @inheritdoc IPayments
    function claim(Step[] calldata steps) external nonReentrant returns (uint128 paid) {
        return _claim(steps, address(0), address(0));
    }

    /// @inheritdoc IPayments
    function claimTo(address to, Step[] calldata steps) external nonReentrant returns (uint128 paid) {
        if (to == address(0)) revert IActors.Actors_ZeroAddress();
        address signer = _msgSender();
        // Not by `resolve`: a suspended farmer still owns his money.
        (address actor, IActors.KeyLevel level) = ACTORS.keyOf(signer);
        if (level != IActors.KeyLevel.Owner) revert Payments_NotYours(uint160(actor), signer);
        return _claim(steps, actor, to);
    }

    /// @param only If not zero, the one farmer who may be on the path; the money goes to `to`.
    function _claim(Step[] calldata steps, address only, address to) private returns (uint128 paid) {
        // Check
        if (steps.length == 0 || steps.length > MAX_LINES) revert Payments_LinesInvalid(steps.length, MAX_LINES);
        address token = _token(steps[0].batch);
        uint256 parent = BatchId.unwrap(steps[0].batch);
        bool moved;
        for (uint256 i; i < steps.length; ++i) {
            Step calldata step = steps[i];
            (bool ofBatches, uint64 totalWeight) = _prove(step);
            // A parent is paid in its child's token ({IBatches-transform}); any other batch must be asked.
            if (BatchId.unwrap(step.batch) != parent && _token(step.batch) != token) {
                revert Payments_TokensDiffer(token, _token(step.batch));
            }
            parent = ofBatches ? step.member : 0;
            // Effect
            uint128 due = _take(step.batch, step.index, step.weight, totalWeight);
            if (due == 0) continue;
            moved = true;
            address farmer = address(uint160(step.member));
            if (ofBatches) {
                farmer = BATCHES.batchOf(BatchId.wrap(step.member)).farmer;
                if (farmer == address(0)) {
                    emit Claimed({batch: step.batch, member: step.member, index: step.index, amount: due, to: address(this)});
                    _pools[BatchId.wrap(step.member)].received += due;
                    continue;
                }
            }
            if (only != address(0) && farmer != only) revert Payments_NotYours(uint160(farmer), only);
            // Interaction
            address payee = only == address(0) ? ACTORS.payoutOf(farmer) : to;
            emit Claimed({batch: step.batch, member: step.member, index: step.index, amount: due, to: payee});
            _pushOrRevert(token, payee, due);
            paid += due;
        }
        if (!moved) revert Payments_NothingDue();
    }

    /// @inheritdoc IPayments
    function settle(BatchId batch, uint256 chunk, Member[] calldata members)
        external
        nonReentrant
        returns (uint128 paid)
    {
        // Check
        (bool ofBatches, uint64 totalWeight, bytes32 root) = BATCHES.poolOf(batch, chunk);
        _checkChunk(batch, chunk, members, root);
        // Effect
        Pool storage pool = _pools[batch];
        uint128 received = pool.received;
        uint128[] memory dues = _duesOf(batch, chunk, members, received, totalWeight);
        for (uint256 i; i < dues.length; ++i) {
            paid += dues[i];
        }
        if (paid == 0) revert Payments_NothingDue();
        _settled[batch][chunk] = received;
        pool.claimed += paid;
        emit Settled({batch: batch, chunk: chunk, received: received, amount: paid});
        // Interaction
        address token = _token(batch);
        address[] memory farmers = new address[](members.length);
        for (uint256 i; i < members.length; ++i) {
            if (ofBatches) {
                BatchId parent = BatchId.wrap(members[i].member);
                farmers[i] = BATCHES.batchOf(parent).farmer;
                if (farmers[i] != address(0)) continue;
                _pools[parent].received += dues[i];
                dues[i] = 0;
            } else {
                farmers[i] = address(uint160(members[i].member));
            }
        }
        address[] memory payouts = ACTORS.payoutsOf(farmers);
        for (uint256 i; i < members.length; ++i) {
            _push(batch, token, farmers[i], payouts[i], dues[i]);
        }
    }

    /// @inheritdoc IPayments
    function withdraw(address token, address owner) external nonReentrant returns (uint256 amount) {
        return _withdraw(token, owner, ACTORS.payoutOf(owner));
    }

    /// @inheritdoc IPayments
    function withdrawTo(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert IActors.Actors_ZeroAddress();
        address signer = _msgSender();
        (address actor, IActors.KeyLevel level) = ACTORS.keyOf(signer);
        return _withdraw(token, level == IActors.KeyLevel.Owner ? actor : signer, to);
    }

    function _withdraw(address token, address owner, address to) private returns (uint256 amount) {
        // Check
        amount = _credits[token][owner];
        if (amount == 0) revert Payments_NothingDue();
        // Effect
        delete _credits[token][owner];
        emit Withdrawn({token: token, owner: owner, amount: amount, to: to});
        // Interaction
        _pushOrRevert(token, to, amount);
    }

    function _pushOrRevert(address token, address to, uint256 amount) private {
        if (gasleft() < Tokens.PUSH_RESERVE) revert Payments_GasTooLow(gasleft(), Tokens.PUSH_RESERVE);
        if (to == address(this) || !Tokens.push(token, to, amount)) revert Payments_TokenFailed(token);
    }

    /// @dev Takes a member's due out of its pool.
    function _take(BatchId batch, uint256 index, uint64 weight, uint64 totalWeight) private returns (uint128 due) {
        Pool storage pool = _pools[batch];
        uint128 received = pool.received;
        due = _due(batch, index, weight, totalWeight, received);
        if (due == 0) return 0;
        _claimed[batch][index] = received;
        _claimers[batch].set(index);
        pool.claimed += due;
    }

    /// @dev Due since the member last claimed, or its chunk was settled, whichever came later.
    function _due(BatchId batch, uint256 index, uint64 weight, uint64 totalWeight, uint128 received)
        private
        view
        returns (uint128)
    {
        uint128 before = _settled[batch][index / Members.CHUNK];
        if (_claimers[batch].get(index)) {
            uint128 own = _claimed[batch][index];
            if (own > before) before = own;
        }
        return Split.dueDown(received, weight, totalWeight) - Split.dueDown(before, weight, totalWeight);
    }

    function _duesOf(BatchId batch, uint256 chunk, Member[] calldata members, uint128 received, uint64 totalWeight)
        private
        view
        returns (uint128[] memory dues)
    {
        dues = new uint128[](members.length);
        for (uint256 i; i < members.length; ++i) {
            dues[i] = _due(batch, chunk * Members.CHUNK + i, members[i].weight, totalWeight, received);
        }
    }

    function _prove(Step calldata step) private view returns (bool ofBatches, uint64 totalWeight) {
        bytes32 root;
        (ofBatches, totalWeight, root) = BATCHES.poolOf(step.batch, step.index / Members.CHUNK);
        bytes32 leaf = Members.leaf(address(BATCHES), step.batch, step.index, step.member, step.weight);
        if (root == 0 || !MerkleProof.verifyCalldata(step.proof, root, leaf)) {
            revert Payments_NotMember(step.batch, step.index, step.member, step.weight);
        }
    }

    function _checkChunk(BatchId batch, uint256 chunk, Member[] calldata members, bytes32 root) private view {
        uint256 count = members.length;
        if (count == 0 || count > Members.CHUNK) revert Payments_LinesInvalid(count, Members.CHUNK);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            leaves[i] = Members.leaf(
                address(BATCHES), batch, chunk * Members.CHUNK + i, members[i].member, members[i].weight
            );
        }
        if (root == 0 || Members.root(leaves) != root) {
            revert Payments_NotMember(batch, chunk * Members.CHUNK, members[0].member, members[0].weight);
        }
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IPayments
    function orderHash(Order calldata order) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), order));
    }

    /// @inheritdoc IPayments
    function isPaid(address payer, uint256 orderReference) external view returns (bool) {
        return _paidOrders[payer].get(orderReference);
    }

    /// @inheritdoc IPayments
    function poolOf(BatchId batch) external view returns (Pool memory) {
        return _pools[batch];
    }

    /// @inheritdoc IPayments
    function dueOf(Step calldata step) external view returns (uint128) {
        (, uint64 totalWeight) = _prove(step);
        return _due(step.batch, step.index, step.weight, totalWeight, _pools[step.batch].received);
    }

    /// @inheritdoc IPayments
    function creditOf(address token, address owner) external view returns (uint256) {
        return _credits[token][owner];
    }
}
