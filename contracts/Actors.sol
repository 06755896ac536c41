// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {IActors} from "./interfaces/IActors.sol";
import {Roles} from "./libraries/Roles.sol";
import {Text} from "./libraries/Text.sol";

/// @title Actors
contract Actors is IActors, ERC2771Context {
    /// @inheritdoc IActors
    uint40 public constant RECOVERY_DELAY = 7 days;

    /// @dev Longest code of an actor, in bytes.
    uint256 private constant MAX_CODE = 16;

    struct Key {
        address actor;
        KeyLevel level;
    }

    mapping(address key => Key) private _keys;
    mapping(address actor => Actor) private _actors;
    mapping(address actor => Recovery) private _recoveries;
    /// @dev Where money goes if not to the address of the actor itself.
    mapping(address actor => address) private _payouts;
    mapping(address enroller => mapping(bytes16 code => address actor)) private _codes;

    constructor(address forwarder, address platform, address regulator) ERC2771Context(forwarder) {
        _enrol(platform, platform, Roles.PLATFORM, "platform", platform);
        _enrol(regulator, regulator, Roles.REGULATOR, "regulator", regulator);
    }

    // ------------------------------------------------------------------ enrolment

    /// @inheritdoc IActors
    function enrol(address actor, uint16 roles, bytes16 code) external {
        // Check
        address signer = _msgSender();
        (address enroller, uint16 own) = resolve(signer);
        uint16 enrollable = Roles.enrollable(own);
        if (roles == 0 || roles & ~enrollable != 0) revert Actors_RolesNotEnrollable(roles, enrollable);
        // Effect
        _enrol(actor, enroller, roles, code, signer);
    }

    function _enrol(address actor, address enroller, uint16 roles, bytes16 code, address signer) private {
        if (!Text.isCode(code, MAX_CODE)) revert Actors_CodeInvalid(code);
        address taken = _codes[enroller][code];
        if (taken != address(0)) revert Actors_CodeTaken(code, taken);
        _claimKey(actor, actor, KeyLevel.Owner);
        _codes[enroller][code] = actor;
        _actors[actor] = Actor({
            key: actor,
            roles: roles,
            suspended: false,
            enrolledAt: uint40(block.timestamp),
            enroller: enroller,
            suspendedBy: address(0),
            code: code
        });
        emit ActorEnrolled({actor: actor, enroller: enroller, roles: roles, code: code, signer: signer});
    }

    // ------------------------------------------------------------------ suspension

    /// @inheritdoc IActors
    function suspend(address actor, string calldata reason) external {
        // Check
        Actor storage a = _enrolled(actor);
        (address by, uint16 roles) = resolve(_msgSender());
        if (by != a.enroller && roles & Roles.REGULATOR == 0) revert Actors_NotSupervisor(actor, by);
        if (a.suspended) revert Actors_SuspensionUnchanged(actor, true);
        _checkReason(reason);
        // Effect
        a.suspended = true;
        a.suspendedBy = by;
        emit ActorSuspended({actor: actor, by: by, reason: reason});
    }

    /// @inheritdoc IActors
    function reinstate(address actor, string calldata reason) external {
        // Check
        Actor storage a = _enrolled(actor);
        (address by, uint16 roles) = resolve(_msgSender());
        if (by != a.suspendedBy && roles & Roles.REGULATOR == 0) revert Actors_NotSupervisor(actor, by);
        if (!a.suspended) revert Actors_SuspensionUnchanged(actor, false);
        _checkReason(reason);
        // Effect
        a.suspended = false;
        emit ActorReinstated({actor: actor, by: by, reason: reason});
    }

    // ------------------------------------------------------------------ keys

    /// @inheritdoc IActors
    function appointClerk(address clerk) external {
        // Check
        address cooperative = _owner();
        uint16 roles = _actors[cooperative].roles;
        if (roles & Roles.COOPERATIVE == 0) revert Actors_RoleMissing(cooperative, roles, Roles.COOPERATIVE);
        // Effect
        _claimKey(clerk, cooperative, KeyLevel.Clerk);
        emit ClerkAppointed({cooperative: cooperative, clerk: clerk});
    }

    /// @inheritdoc IActors
    function dismissClerk(address clerk) external {
        // Check
        address cooperative = _owner();
        Key storage k = _keys[clerk];
        if (k.actor != cooperative || k.level != KeyLevel.Clerk) revert Actors_NotClerk(cooperative, clerk);
        // Effect
        k.level = KeyLevel.Retired;
        emit ClerkDismissed({cooperative: cooperative, clerk: clerk});
    }

    /// @inheritdoc IActors
    function rotateKey(address newKey) external {
        // Check
        address actor = _owner();
        // Effect
        _rotate(actor, newKey);
        if (_recoveries[actor].key != address(0)) _dropRecovery(actor, actor);
    }

    /// @inheritdoc IActors
    function proposeRecovery(address actor, address newKey) external {
        // Check
        Actor storage a = _enrolled(actor);
        (address by,) = resolve(_msgSender());
        if (by != a.enroller) revert Actors_NotSupervisor(actor, by);
        _checkNewKey(newKey);
        // Effect
        uint40 readyAt = uint40(block.timestamp) + RECOVERY_DELAY;
        _recoveries[actor] = Recovery({key: newKey, readyAt: readyAt});
        emit RecoveryProposed({actor: actor, by: by, newKey: newKey, readyAt: readyAt});
    }

    /// @inheritdoc IActors
    function cancelRecovery(address actor) external {
        // Check. Not by `resolve`: a suspended actor must still be able to defend its key.
        Actor storage a = _enrolled(actor);
        address signer = _msgSender();
        if (_recoveries[actor].key == address(0)) revert Actors_RecoveryNotReady(actor, 0);
        address by = actor;
        if (signer != a.key) {
            uint16 roles;
            (by, roles) = resolve(signer);
            bool mayCancel = (by == a.enroller && by != actor) || roles & Roles.REGULATOR != 0;
            if (!mayCancel) revert Actors_NotSupervisor(actor, by);
        }
        // Effect
        _dropRecovery(actor, by);
    }

    /// @inheritdoc IActors
    function completeRecovery(address actor) external {
        // Check
        Recovery memory r = _recoveries[actor];
        if (r.key == address(0) || block.timestamp < r.readyAt) revert Actors_RecoveryNotReady(actor, r.readyAt);
        // Effect
        delete _recoveries[actor];
        _rotate(actor, r.key);
    }

    /// @inheritdoc IActors
    function redirectPayout(address payout) external {
        // Check
        address actor = _owner();
        if (payout == address(0)) revert Actors_ZeroAddress();
        // Effect
        _payouts[actor] = payout == actor ? address(0) : payout;
        emit PayoutRedirected({actor: actor, payout: payout});
    }

    function _rotate(address actor, address newKey) private {
        Actor storage a = _actors[actor];
        address oldKey = a.key;
        _claimKey(newKey, actor, KeyLevel.Owner);
        _keys[oldKey].level = KeyLevel.Retired;
        a.key = newKey;
        emit KeyRotated({actor: actor, oldKey: oldKey, newKey: newKey});
        if (payoutOf(actor) == oldKey) {
            _payouts[actor] = newKey;
            emit PayoutRedirected({actor: actor, payout: newKey});
        }
    }

    function _dropRecovery(address actor, address by) private {
        delete _recoveries[actor];
        emit RecoveryCancelled({actor: actor, by: by});
    }

    function _claimKey(address key, address actor, KeyLevel level) private {
        _checkNewKey(key);
        _keys[key] = Key({actor: actor, level: level});
    }

    function _checkNewKey(address key) private view {
        if (key == address(0)) revert Actors_ZeroAddress();
        Key memory k = _keys[key];
        if (k.level != KeyLevel.None) revert Actors_KeyTaken(key, k.actor);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IActors
    function resolve(address key) public view returns (address actor, uint16 roles) {
        Key memory k = _keys[key];
        if (k.level == KeyLevel.None) return (key, 0);
        if (k.level == KeyLevel.Retired) revert Actors_KeyRetired(key);
        Actor storage a = _actors[k.actor];
        if (a.suspended) revert Actors_Suspended(k.actor);
        return (k.actor, a.roles);
    }

    /// @inheritdoc IActors
    function payoutOf(address actor) public view returns (address) {
        address payout = _payouts[actor];
        return payout == address(0) ? actor : payout;
    }

    /// @inheritdoc IActors
    function payoutsOf(address[] calldata actors) external view returns (address[] memory payouts) {
        payouts = new address[](actors.length);
        for (uint256 i; i < actors.length; ++i) {
            payouts[i] = payoutOf(actors[i]);
        }
    }

    /// @inheritdoc IActors
    function actorOf(address actor) external view returns (Actor memory) {
        return _actors[actor];
    }

    /// @inheritdoc IActors
    function keyOf(address key) external view returns (address actor, KeyLevel level) {
        Key memory k = _keys[key];
        return (k.actor, k.level);
    }

    /// @inheritdoc IActors
    function byCode(address enroller, bytes16 code) external view returns (address) {
        return _codes[enroller][code];
    }

    /// @inheritdoc IActors
    function recoveryOf(address actor) external view returns (Recovery memory) {
        return _recoveries[actor];
    }

    /// @dev The actor whose owner key made the call. A suspended actor may still look after its keys and its payout.
    function _owner() private view returns (address) {
        address signer = _msgSender();
        Key memory k = _keys[signer];
        if (k.level == KeyLevel.None) revert Actors_Unknown(signer);
        if (k.level == KeyLevel.Retired) revert Actors_KeyRetired(signer);
        if (k.level != KeyLevel.Owner) revert Actors_OwnerKeyNeeded(k.actor, signer);
        return k.actor;
    }

    function _enrolled(address actor) private view returns (Actor storage a) {
        a = _actors[actor];
        if (a.key == address(0)) revert Actors_Unknown(actor);
    }

    function _checkReason(string calldata reason) private pure {
        if (!Text.isReason(reason)) revert Actors_ReasonInvalid(bytes(reason).length);
    }
}
