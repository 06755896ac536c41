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
import {BatchId, TermsId} from "./libraries/Types.sol";

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
    mapping(BatchId batch => mapping(uint256 chunk => uint96)) private _settled;
    /// @dev Receipts up to which one member claimed by itself, and which members ever did: settling reads one word for a
    /// chunk instead of one for each member.
    mapping(BatchId batch => mapping(uint256 index => uint96)) private _claimed;
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
        // slither-disable-next-line reentrancy-balance -- the guard keeps everybody out
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
        // More is somebody's gift, and must not stop the payment; less is a fee.
        if (found < expected) revert Payments_TokenMovedOtherwise(address(token), expected, found);
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
        if (sale.farmer == address(0)) _fill(line.batch, sale.token, sale.shares.farmers);
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
        if (_sent(token, to, amount)) return amount;
        _owe(batch, token, owner, amount);
    }

    /// @dev Whether a receiver could be paid; its full allowance of gas is made sure of, so that a failure is its own.
    function _sent(address token, address to, uint256 amount) private returns (bool) {
        if (gasleft() < Tokens.PUSH_RESERVE) revert Payments_GasTooLow(gasleft(), Tokens.PUSH_RESERVE);
        return to != address(this) && Tokens.push(token, to, amount);
    }

    function _owe(BatchId batch, address token, address owner, uint256 amount) private {
        _credits[token][owner] += amount;
        emit Credited({token: token, owner: owner, amount: amount, batch: batch});
    }

    /// @dev Adds to a pool. Its token never changes: it is that of the batch's terms.
    function _fill(BatchId batch, address token, uint256 amount) private {
        uint256 received = _pools[batch].received + amount;
        if (received > type(uint96).max) revert Payments_PoolFull(batch, received);
        _pools[batch] = Pool({token: token, received: uint96(received)});
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

    /// @dev The token that the first line is to be paid in.
    function _tokenOf(Order calldata order) private view returns (address) {
        if (order.lines.length == 0) revert Payments_LinesInvalid(0, MAX_LINES);
        TermsId id = BATCHES.batchOf(order.lines[0].batch).terms;
        // slither-disable-next-line unused-return -- the product does not matter
        (ICatalogue.Terms memory terms,) = TermsCode.read(address(CATALOGUE), id);
        return terms.token;
    }

    // ------------------------------------------------------------------ claiming

    /// @inheritdoc IPayments
    function claim(Step[] calldata steps) external nonReentrant returns (uint256 paid) {
        return _claim(steps, address(0), address(0));
    }

    /// @inheritdoc IPayments
    function claimTo(address to, Step[] calldata steps) external nonReentrant returns (uint256 paid) {
        if (to == address(0)) revert IActors.Actors_ZeroAddress();
        address signer = _msgSender();
        // Not by `resolve`: a suspended farmer still owns his money.
        (address actor, IActors.KeyLevel level) = ACTORS.keyOf(signer);
        if (level != IActors.KeyLevel.Owner) revert Payments_NotYours(uint160(actor), signer);
        return _claim(steps, actor, to);
    }

    /// @param only If not zero, the one farmer who may be on the path; the money goes to `to`.
    function _claim(Step[] calldata steps, address only, address to) private returns (uint256 paid) {
        // Check
        if (steps.length == 0 || steps.length > MAX_LINES) revert Payments_LinesInvalid(steps.length, MAX_LINES);
        // slither-disable-next-line uninitialized-local -- starts as false
        bool moved;
        for (uint256 i; i < steps.length; ++i) {
            Step calldata step = steps[i];
            // Effect
            (uint96 due, address token) = _take(step);
            if (due == 0) continue;
            moved = true;
            address farmer = _farmerOf(step.member);
            if (farmer == address(0)) {
                emit Claimed({
                    batch: step.batch, member: step.member, index: step.index, amount: due, to: address(this)
                });
                _fill(BatchId.wrap(step.member), token, due);
                continue;
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
    function settle(BatchId batch, uint256 chunk, Members.Member[] calldata members)
        external
        nonReentrant
        returns (uint256 paid)
    {
        // Check
        (uint64 totalWeight, address[] memory farmers) = _checkChunk(batch, chunk, members);
        address[] memory payouts = ACTORS.payoutsOf(farmers);
        // Effect
        (address token, uint96 received) = (_pools[batch].token, _pools[batch].received);
        uint96 settled = _settled[batch][chunk];
        _settled[batch][chunk] = received;
        // Interaction. The guard keeps out whoever a transfer calls: nobody can claim in the middle.
        uint256 claimers = _claimers[batch]._data[chunk];
        unchecked {
            // The dues sum to at most the receipts.
            for (uint256 i; i < members.length; ++i) {
                uint256 before = settled;
                if (claimers >> i & 1 != 0) before = _later(_claimed[batch][chunk * Members.CHUNK + i], settled);
                uint256 due = Split.dueBetweenDown(before, received, members[i].weight, totalWeight);
                paid += due;
                address payout = payouts[i];
                if (payout == address(0)) _fill(BatchId.wrap(members[i].member), token, due);
                else if (due != 0 && !_sent(token, payout, due)) _owe(batch, token, farmers[i], due);
            }
        }
        if (paid == 0) revert Payments_NothingDue();
        emit Settled({batch: batch, chunk: chunk, received: received, amount: uint96(paid)});
    }

    /// @dev Who is paid for a member: the farmer, or a parent's one farmer; zero if the parent has a pool.
    function _farmerOf(uint256 member) private view returns (address) {
        return member > type(uint160).max ? BATCHES.farmerOf(BatchId.wrap(member)) : address(uint160(member));
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
        if (!_sent(token, to, amount)) revert Payments_TokenFailed(token);
    }

    /// @dev Proves a member and takes its due out of the pool.
    function _take(Step calldata step) private returns (uint96 due, address token) {
        uint64 totalWeight = _prove(step);
        Pool memory pool = _pools[step.batch];
        uint96 own = _claimed[step.batch][step.index];
        due = _due(step, totalWeight, pool.received, own);
        if (due == 0) return (0, pool.token);
        _claimed[step.batch][step.index] = pool.received;
        if (own == 0) _claimers[step.batch].set(step.index);
        return (due, pool.token);
    }

    /// @dev Due since the member last claimed (receipts of `own`), or its chunk was settled, whichever came later.
    function _due(Step calldata step, uint64 totalWeight, uint96 received, uint96 own) private view returns (uint96) {
        uint96 settled = _settled[step.batch][step.index / Members.CHUNK];
        // At most the receipts, so that nothing is cut off.
        return uint96(Split.dueBetweenDown(_later(own, settled), received, step.weight, totalWeight));
    }

    /// @dev Whichever came later: the member's own claim, or the settlement of its chunk; both in receipts.
    function _later(uint96 own, uint96 settled) private pure returns (uint96) {
        return own > settled ? own : settled;
    }

    function _prove(Step calldata step) private view returns (uint64 totalWeight) {
        bytes32 root;
        (totalWeight, root) = BATCHES.poolOf(step.batch, step.index / Members.CHUNK);
        bytes32 leaf = Members.leaf(address(BATCHES), step.batch, step.index, step.member, step.weight);
        if (root == 0 || !MerkleProof.verifyCalldata(step.proof, root, leaf)) {
            revert Payments_NotMember(step.batch, step.index, step.member, step.weight);
        }
    }

    /// @dev Proves that `members` are a whole chunk, and gives who is paid for each.
    function _checkChunk(BatchId batch, uint256 chunk, Members.Member[] calldata members)
        private
        view
        returns (uint64 totalWeight, address[] memory farmers)
    {
        bytes32 root;
        (totalWeight, root) = BATCHES.poolOf(batch, chunk);
        uint256 count = members.length;
        if (count == 0 || count > Members.CHUNK) revert Payments_LinesInvalid(count, Members.CHUNK);
        uint256 first = chunk * Members.CHUNK;
        bytes32 listed = Members.rootOf(address(BATCHES), batch, first, members);
        if (root == 0 || listed != root) {
            revert Payments_NotMember(batch, first, members[0].member, members[0].weight);
        }
        farmers = new address[](count);
        for (uint256 i; i < count;) {
            uint256 member = members[i].member;
            farmers[i] = member > type(uint160).max ? _farmerOf(member) : address(uint160(member));
            unchecked {
                ++i;
            }
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
    function dueOf(Step calldata step) external view returns (uint96) {
        uint96 own = _claimed[step.batch][step.index];
        return _due(step, _prove(step), _pools[step.batch].received, own);
    }

    /// @inheritdoc IPayments
    function creditOf(address token, address owner) external view returns (uint256) {
        return _credits[token][owner];
    }
}
