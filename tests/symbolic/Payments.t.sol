// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBatches} from "../../contracts/interfaces/IBatches.sol";
import {IPayments} from "../../contracts/interfaces/IPayments.sol";
import {Members} from "../../contracts/libraries/Members.sol";
import {BatchId} from "../../contracts/libraries/Types.sol";
import {AnyActors, AnyBatches, AnyToken} from "./Others.sol";
import {Proof, VM} from "./Proof.sol";

contract PaymentsProofs is Proof {
    address private constant CATALOGUE = address(0xca);

    AnyActors private _actors;
    AnyBatches private _batches;
    AnyToken private _token;
    IPayments private _payments;

    function setUp() public {
        _actors = new AnyActors();
        _token = new AnyToken();
        _batches = new AnyBatches();
        bytes memory arguments = abi.encode(_batches, CATALOGUE, _actors);
        _payments = IPayments(_any("Payments.sol:Payments", arguments));
    }

    // ------------------------------------------------------------------ orders

    function prove_an_order_is_paid_once(address payer, uint256 number, address buyer, IPayments.Line calldata line)
        external
    {
        VM.assume(_payments.isPaid(payer, number) && payer != address(_actors));
        VM.prank(payer);
        try _payments.pay(_order(number, buyer, line)) {
            assert(false);
        } catch {}
    }

    function find_that_an_order_can_be_paid(address payer, uint256 number, address buyer, IPayments.Line calldata line)
        external
    {
        VM.assume(!_payments.isPaid(payer, number) && payer != address(_actors));
        VM.prank(payer);
        _payments.pay(_order(number, buyer, line));
        assert(false);
    }

    /// @dev A payment marks its order, and adds the farmers' share to the one pool that it is for.
    function prove_a_payment_marks_its_order_and_fills_its_pool(
        address payer,
        uint256 number,
        address buyer,
        IPayments.Line calldata line,
        BatchId other
    ) external {
        VM.assume(payer != address(_actors) && !(other == line.batch));
        IBatches.Sale memory sale = _batches.sell(line.batch, 0, 0, payer, buyer, number);
        VM.assume(sale.token == address(_token) && sale.farmer == address(0));
        (uint96 had, uint96 others) = (_payments.poolOf(line.batch).received, _payments.poolOf(other).received);
        VM.prank(payer);
        _payments.pay(_order(number, buyer, line));
        assert(_payments.isPaid(payer, number));
        assert(_payments.poolOf(line.batch).received == uint256(had) + sale.shares.farmers);
        assert(_payments.poolOf(other).received == others);
    }

    // ------------------------------------------------------------------ claims

    /// @dev Whoever claims for a farmer, the farmer's payout address gets it, and nobody else gets anything.
    function prove_a_claim_pays_the_farmer(address caller, IPayments.Step calldata step) external {
        VM.assume(step.member != 0 && step.member <= type(uint160).max);
        VM.assume(_payments.poolOf(step.batch).token == address(_token));
        address payout = _actors.payoutOf(address(uint160(step.member)));
        uint96 received = _payments.poolOf(step.batch).received;
        uint256 before = _token.paid(payout);
        uint256 inAll = _token.paidInAll();
        VM.prank(caller);
        uint256 claimed = _payments.claim(_steps(step));
        unchecked {
            assert(claimed != 0);
            assert(_token.paid(payout) - before == claimed && _token.paidInAll() - inAll == claimed);
        }
        assert(_payments.poolOf(step.batch).received == received);
    }

    /// @dev Only a farmer's own key sends his money elsewhere.
    function prove_only_the_farmer_claims_to_elsewhere(address caller, address to, IPayments.Step calldata step)
        external
    {
        VM.assume(step.member != 0 && step.member <= type(uint160).max && caller != address(_actors));
        VM.assume(_payments.poolOf(step.batch).token == address(_token));
        (address actor,) = _actors.keyOf(caller);
        VM.assume(actor != address(0));
        uint256 before = _token.paid(to);
        VM.prank(caller);
        uint256 claimed = _payments.claimTo(to, _steps(step));
        assert(actor == address(uint160(step.member)));
        unchecked {
            assert(_token.paid(to) - before == claimed);
        }
    }

    /// @dev What a batch is due of another's pool goes to its own pool, and lowers no pool's receipts: what leaves a pool is
    /// counted beside it.
    function prove_a_claim_for_a_batch_lowers_no_receipts(
        address caller,
        IPayments.Step calldata step,
        BatchId batch
    ) external {
        VM.assume(step.member > type(uint160).max && _batches.farmerOf(BatchId.wrap(step.member)) == address(0));
        VM.assume(_payments.poolOf(step.batch).token == address(_token));
        uint96 received = _payments.poolOf(batch).received;
        uint256 inAll = _token.paidInAll();
        VM.prank(caller);
        _payments.claim(_steps(step));
        assert(_payments.poolOf(batch).received >= received);
        assert(_token.paidInAll() == inAll);
    }

    /// @dev Whoever settles, the payout address of each member gets what the members are due, and nobody else anything.
    function prove_a_settlement_pays_the_farmer(address caller, BatchId batch, Members.Member calldata member)
        external
    {
        VM.assume(member.member != 0 && member.member <= type(uint160).max);
        VM.assume(_payments.poolOf(batch).token == address(_token));
        address farmer = address(uint160(member.member));
        address payout = _actors.payoutOf(farmer);
        VM.assume(payout != address(0));
        (uint256 before, uint256 inAll) = (_token.paid(payout), _token.paidInAll());
        uint256 credit = _payments.creditOf(address(_token), farmer);
        Members.Member[] memory members = new Members.Member[](1);
        members[0] = member;
        VM.prank(caller);
        uint256 settled = _payments.settle(batch, 0, members);
        uint256 credited = _payments.creditOf(address(_token), farmer) - credit;
        unchecked {
            assert(_token.paid(payout) - before + credited == settled);
            assert(_token.paidInAll() - inAll + credited == settled);
        }
    }

    // ------------------------------------------------------------------ credits

    /// @dev Whoever asks, a credit goes to its owner's payout address, whole and once.
    function prove_a_credit_is_withdrawn_to_its_owner(address caller, address owner) external {
        address payout = _actors.payoutOf(owner);
        uint256 credit = _payments.creditOf(address(_token), owner);
        uint256 before = _token.paid(payout);
        uint256 inAll = _token.paidInAll();
        VM.prank(caller);
        _payments.withdraw(address(_token), owner);
        unchecked {
            assert(_token.paid(payout) - before == credit && _token.paidInAll() - inAll == credit);
        }
        assert(_payments.creditOf(address(_token), owner) == 0);
    }

    function prove_withdrawing_takes_nobody_elses_credit(address caller, address to, address other) external {
        VM.assume(caller != address(_actors) && caller != other);
        (address actor,) = _actors.keyOf(caller);
        VM.assume(actor != other);
        uint256 credit = _payments.creditOf(address(_token), other);
        VM.prank(caller);
        _payments.withdrawTo(address(_token), to);
        assert(_payments.creditOf(address(_token), other) == credit);
    }

    function _order(uint256 number, address buyer, IPayments.Line calldata line)
        private
        pure
        returns (IPayments.Order memory)
    {
        IPayments.Line[] memory lines = new IPayments.Line[](1);
        lines[0] = line;
        return IPayments.Order({number: number, buyer: buyer, lines: lines});
    }

    function _steps(IPayments.Step calldata step) private pure returns (IPayments.Step[] memory steps) {
        steps = new IPayments.Step[](1);
        steps[0] = step;
    }
}
