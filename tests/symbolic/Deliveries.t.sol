// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IDeliveries} from "../../contracts/interfaces/IDeliveries.sol";
import {BatchId, TermsId} from "../../contracts/libraries/Types.sol";
import {AnyActors, AnyCatalogue} from "./Others.sol";
import {Proof, VM} from "./Proof.sol";

contract DeliveriesProofs is Proof {
    address private constant BATCHES = address(0xba);

    IDeliveries private _deliveries;

    function setUp() public {
        bytes memory arguments = abi.encode(new AnyCatalogue(), BATCHES, new AnyActors());
        _deliveries = IDeliveries(_any("Deliveries.sol:Deliveries", arguments));
    }

    /// @dev What has entered a batch, or was voided, never changes again, whoever calls whatever.
    function prove_what_is_entered_or_voided_stays_so(address caller, address cooperative, uint64 receipt) external {
        IDeliveries.Delivery memory before = _deliveries.deliveryOf(cooperative, receipt);
        VM.assume(before.status == IDeliveries.Status.Entered || before.status == IDeliveries.Status.Voided);
        _anyCall(caller, address(_deliveries), "Deliveries");
        _assertSame(before, _deliveries.deliveryOf(cooperative, receipt));
    }

    function find_that_what_is_booked_can_change(address caller, address cooperative, uint64 receipt) external {
        IDeliveries.Delivery memory before = _deliveries.deliveryOf(cooperative, receipt);
        VM.assume(before.status == IDeliveries.Status.Booked);
        _anyCall(caller, address(_deliveries), "Deliveries");
        _assertSame(before, _deliveries.deliveryOf(cooperative, receipt));
    }

    /// @dev A receipt cannot stand twice in one list either.
    function prove_a_delivery_is_entered_once(address cooperative, uint64 receipt, BatchId batch) external {
        uint64[] memory twice = new uint64[](2);
        (twice[0], twice[1]) = (receipt, receipt);
        VM.prank(BATCHES);
        try _deliveries.enter(cooperative, twice, batch, TermsId.wrap(0)) {
            assert(false);
        } catch {}
    }

    function prove_only_batches_enter(address caller, address cooperative, uint64[] memory receipts) external {
        VM.assume(caller != BATCHES);
        VM.prank(caller);
        try _deliveries.enter(cooperative, receipts, BatchId.wrap(1), TermsId.wrap(0)) {
            assert(false);
        } catch {}
    }

    function _assertSame(IDeliveries.Delivery memory a, IDeliveries.Delivery memory b) private pure {
        assert(a.farmer == b.farmer && a.grams == b.grams && a.gradeBps == b.gradeBps);
        assert(TermsId.unwrap(a.terms) == TermsId.unwrap(b.terms) && a.status == b.status);
    }
}
