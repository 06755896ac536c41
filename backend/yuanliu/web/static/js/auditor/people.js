// Who may act: enrolments, keys, suspensions, recoveries, replayed from the logs of Actors.
// The twin of backend/yuanliu/audit/people.py.
(function (yuanliu) {
  'use strict';

  const RECOVERY_DELAY = 7n * 24n * 3600n;
  const MAX_CLERKS = 100;
  const MAX_REASON = 512;
  const NO_CODE = '0'.repeat(32);
  const { NOBODY, LEVEL, ROLE, rolesText } = yuanliu;
  const { address, number, addressAt, bytesAt, numberAt, wordAt } = yuanliu.words;
  const FOUNDERS = { [ROLE.PLATFORM]: 'platform', [ROLE.REGULATOR]: 'regulator' };

  // The roles that somebody with `roles` may enrol, as Roles.sol.
  function enrollable(roles) {
    let allowed = 0;
    if (roles & ROLE.PLATFORM) allowed |= ROLE.PLATFORM | ROLE.COOPERATIVE | ROLE.CARRIER | ROLE.RETAILER;
    if (roles & ROLE.REGULATOR) allowed |= ROLE.REGULATOR | ROLE.INSPECTOR;
    if (roles & ROLE.COOPERATIVE) allowed |= ROLE.FARMER;
    return allowed;
  }

  const bare = (hex) => hex.slice(2);
  const codeText = (code) => String.fromCharCode(...yuanliu.words.raw(code)).replace(/\0+$/, '');

  class People {
    constructor(scene) {
      this.scene = scene;
      this.completed = [];
      this.following = [];
      this.readers = {
        ActorEnrolled: (topics, data) => this.enrolled(topics, data),
        ActorSuspended: (topics, data) => this.standing(topics, data, true),
        ActorReinstated: (topics, data) => this.standing(topics, data, false),
        ClerkAppointed: (topics) => this.appointed(topics),
        ClerkDismissed: (topics) => this.dismissed(topics),
        KeyRotated: (topics) => this.rotated(topics),
        RecoveryProposed: (topics, data) => this.proposed(topics, data),
        RecoveryCancelled: (topics) => this.cancelled(topics),
        PayoutRedirected: (topics) => this.redirected(topics),
        ExecutedForwardRequest: (topics, data) => this.executed(topics, data),
      };
    }

    // ---------------------------------------------------------------- enrolment

    enrolled(topics, data) {
      const { scene } = this;
      const actor = address(topics[1]), enroller = address(topics[2]);
      const roles = Number(numberAt(data, 0, 16)), code = wordAt(data, 1).slice(2, 34), signer = addressAt(data, 2);
      const text = codeText(code);
      const wrong = (expected, found, what = '') => scene.wrong('actor-enrolment', expected, found, { what, actor });
      if (scene.transaction === scene.founding && actor === enroller && actor === signer) {
        if (FOUNDERS[roles] !== text) wrong('the first platform and regulator', rolesText(roles));
        scene.about(`actor ${actor}`);
      } else {
        const own = scene.author(enroller, signer, 0);
        scene.about(`actor ${actor}`);
        if (!roles || roles & ~enrollable(own)) wrong(rolesText(enrollable(own)), rolesText(roles), 'roles');
        scene.signed.consents.push([actor, enroller, LEVEL.OWNER, roles, code]);
        scene.tell('enrolled', signer, bare(actor) + roles.toString(16).padStart(4, '0') + code);
      }
      if (!/^[!-~]+$/.test(text)) wrong('1 to 16 printable characters', code, 'code');
      const taken = scene.codes.get(enroller + code);
      if (taken) wrong('a new code', `${text} of ${taken}`, 'code');
      this.bind(actor, actor, LEVEL.OWNER);
      scene.codes.set(enroller + code, actor);
      scene.actors.set(actor, {
        key: actor, roles, enroller, code, text, enrolledAt: scene.time, suspended: false, suspendedBy: NOBODY, payout: '',
        clerks: [], recovery: '', recoveryAt: 0n,
      });
    }

    bind(key, actor, level) {
      const known = this.scene.keys.get(key);
      if (known) this.change('a new key', `a key of ${known.actor}`, actor);
      this.scene.keys.set(key, { actor, level });
    }

    change(expected, found, actor, what = '') {
      this.scene.wrong('actor-change', expected, found, { what, actor });
    }

    known(actor) {
      this.scene.about(`actor ${actor}`);
      const known = this.scene.actors.get(actor);
      if (!known) this.change('an enrolled actor', 'nobody', actor);
      return known;
    }

    // ---------------------------------------------------------------- suspension

    standing(topics, data, suspended) {
      const actor = address(topics[1]), by = address(topics[2]);
      const known = this.known(actor);
      const roles = this.scene.act(by, 0);
      const said = bytesAt(data, 0), reason = said.length / 2;
      this.scene.tell(suspended ? 'suspended' : 'reinstated', by, bare(actor) + said);
      if (reason < 1 || reason > MAX_REASON) this.change(`1 to ${MAX_REASON} bytes`, reason, actor, 'reason');
      if (!known) return;
      const entitled = suspended ? known.enroller : known.suspendedBy;
      if (by !== entitled && !(roles & ROLE.REGULATOR)) {
        const who = suspended ? 'its enroller or a regulator' : 'who suspended it, or a regulator';
        this.change(who, by, actor, suspended ? 'suspended by' : 'reinstated by');
      }
      const words = ['not suspended', 'suspended'];
      if (known.suspended === suspended) this.change(words[+!suspended], words[+suspended], actor);
      known.suspended = suspended;
      if (suspended) known.suspendedBy = by;
    }

    // ---------------------------------------------------------------- keys

    owner(actor) {
      const known = this.known(actor);
      if (known) this.scene.need([known.key], 'owner key');
      return known;
    }

    appointed(topics) {
      const cooperative = address(topics[1]), clerk = address(topics[2]);
      const known = this.owner(cooperative);
      this.scene.tell('clerk', cooperative, bare(clerk));
      this.scene.signed.consents.push([clerk, cooperative, LEVEL.CLERK, 0, NO_CODE]);
      this.bind(clerk, cooperative, LEVEL.CLERK);
      if (!known) return;
      if (!(known.roles & ROLE.COOPERATIVE)) {
        this.change(rolesText(ROLE.COOPERATIVE), rolesText(known.roles), cooperative, 'role');
      }
      if (known.clerks.length >= MAX_CLERKS) {
        this.change(`at most ${MAX_CLERKS} clerks`, known.clerks.length + 1, cooperative);
      }
      known.clerks.push(clerk);
    }

    dismissed(topics) {
      const cooperative = address(topics[1]), clerk = address(topics[2]);
      const known = this.owner(cooperative);
      this.scene.tell('clerk dismissed', cooperative, bare(clerk));
      if (!known || !known.clerks.includes(clerk)) {
        this.change('a clerk of the cooperative', clerk, cooperative);
        return;
      }
      known.clerks.splice(known.clerks.indexOf(clerk), 1);
      this.scene.keys.set(clerk, { actor: cooperative, level: LEVEL.RETIRED });
    }

    rotated(topics) {
      const { scene } = this;
      const [actor, old, next] = topics.slice(1, 4).map(address);
      const known = this.known(actor);
      if (!known) return;
      if (old !== known.key) this.change(known.key, old, actor, 'old key');
      const recovered = known.recovery === next && scene.time >= known.recoveryAt;
      scene.tell('key', actor, bare(next), { sure: !recovered });
      if (recovered) {
        // A recovery that is completed by anyone. If it is the owner, he cancels it in the same breath.
        known.recovery = '';
        known.recoveryAt = 0n;
        this.completed = [scene.transaction, actor];
      } else {
        scene.need([known.key], 'owner key');
        scene.signed.consents.push([next, actor, LEVEL.OWNER, 0, NO_CODE]);
      }
      this.bind(next, actor, LEVEL.OWNER);
      scene.keys.set(known.key, { actor, level: LEVEL.RETIRED });
      known.key = next;
      this.following = [scene.transaction, actor, old, next];
    }

    proposed(topics, data) {
      const { scene } = this;
      const actor = address(topics[1]), by = address(topics[2]);
      const key = addressAt(data, 0), ready = numberAt(data, 1, 40);
      const known = this.known(actor);
      scene.act(by, 0, { owner: true });
      scene.tell('recovery', by, bare(actor) + bare(key));
      if (!known) return;
      if (by !== known.enroller) this.change(known.enroller, by, actor, 'recovery proposed by');
      if (ready !== scene.time + RECOVERY_DELAY) this.change(scene.time + RECOVERY_DELAY, ready, actor, 'ready at');
      if (scene.levelOf(key) !== LEVEL.NONE) this.change('a new key', key, actor);
      scene.signed.consents.push([key, actor, LEVEL.OWNER, 0, NO_CODE]);
      known.recovery = key;
      known.recoveryAt = ready;
    }

    cancelled(topics) {
      const { scene } = this;
      const actor = address(topics[1]), by = address(topics[2]);
      const known = this.known(actor);
      if (!known) return;
      const [transaction, whose, old] = this.following;
      const rotated = scene.transaction === transaction && actor === whose && actor === by;
      scene.tell('recovery cancelled', by, bare(actor), { sure: !rotated });
      if (by === actor) {
        scene.need([rotated ? old : known.key], 'owner key');
      } else {
        const roles = scene.act(by, 0);
        if (by !== known.enroller && !(roles & ROLE.REGULATOR)) {
          this.change('the actor, its enroller or a regulator', by, actor, 'cancelled by');
        }
      }
      const justDone = this.completed[0] === scene.transaction && this.completed[1] === actor;
      if (!known.recovery && !justDone) this.change('a recovery under way', 'none', actor);
      known.recovery = '';
      known.recoveryAt = 0n;
    }

    redirected(topics) {
      const { scene } = this;
      const actor = address(topics[1]), payout = address(topics[2]);
      const known = this.known(actor);
      if (!known) return;
      const [transaction, rotated, old, next] = this.following;
      const goesAlong = transaction === scene.transaction && rotated === actor && next === payout
        && (known.payout || actor) === old;
      scene.tell('payout', actor, bare(payout), { sure: !goesAlong });
      if (!goesAlong) scene.need([known.key], 'owner key');
      if (payout === NOBODY) this.change('an address', payout, actor, 'payout');
      known.payout = payout === actor ? '' : payout;
    }

    // ---------------------------------------------------------------- relay

    executed(topics, data) {
      const { scene } = this;
      const signer = address(topics[1]), nonce = number(wordAt(data, 0), 256);
      const expected = scene.nonces.get(signer) || 0n;
      if (nonce !== expected) scene.wrong('relay-nonce', expected, nonce, { what: signer, actor: signer });
      scene.nonces.set(signer, nonce + 1n);
      scene.signed.requests.push([signer, nonce]);
      if (!numberAt(data, 1, 1)) scene.signed.failed.add(`${signer}:${nonce}`);
    }
  }

  Object.assign(yuanliu, { People });
})(globalThis.yuanliu = globalThis.yuanliu || {});
