// Channels: opening, accepting, listing, closing.
import { userConfig } from "./config.mjs";
import { bytes, hex, ldk, ok, reason, shown, some } from "./ldk.mjs";
import { scidText } from "./scid.mjs";

const DUST = 354; // LDK's own limit, in every channel

const point = (txo) => `${shown(txo.get_txid())}:${txo.get_index()}`;
const sat = (msat) => Number(msat / 1000n);

// mirrored is a 128-bit number with n in it, whose bytes are the same from both ends: version 0.1.2 of the
// bindings writes such a number from one end and reads it from the other.
function mirrored(n) {
  const half = Buffer.alloc(8);
  half.writeUInt32BE(n, 2);
  return BigInt("0x" + hex(half) + hex(Buffer.from(half).reverse()));
}

export class Channels {
  constructor(node) {
    this.node = node;
    this.opened = 0;
    this.opening = new Map(); // by user_channel_id: {resolve, reject}
    this.closing = new Map(); // by channel_id in hex
  }

  // open returns the funding output once its transaction is sent.
  async open({ id, sats, push = 0, closeTo, ...how }) {
    const { manager, signer, chain, setup } = this.node;
    const number = mirrored(++this.opened);
    const opened = new Promise((resolve, reject) => this.opening.set(number, { resolve, reject }));
    if (closeTo) signer.next = bytes(closeTo);
    try {
      ok(manager.create_channel(bytes(id), BigInt(sats), BigInt(push) * 1000n, number, null, userConfig({ ...setup, ...how })), "open");
      this.node.wake();
      const funded = await opened;
      await chain.sending;
      return funded;
    } finally {
      this.opening.delete(number);
    }
  }

  handle(event) {
    const { manager, wallet } = this.node;
    if (event instanceof ldk.Event_OpenChannelRequest) this.accept(event);
    else if (event instanceof ldk.Event_FundingGenerationReady) {
      try {
        const tx = wallet.pay(event.output_script, event.channel_value_satoshis);
        ok(manager.funding_transaction_generated(event.temporary_channel_id, event.counterparty_node_id, new Uint8Array(tx.raw)), "fund");
      } catch (err) {
        this.opening.get(event.user_channel_id)?.reject(err);
        manager.force_close_broadcasting_latest_txn(event.temporary_channel_id, event.counterparty_node_id, err.message);
      }
    } else if (event instanceof ldk.Event_ChannelPending) {
      this.opening.get(event.user_channel_id)?.resolve(point(event.funding_txo));
    } else if (event instanceof ldk.Event_ChannelClosed) {
      const why = reasonOf(event.reason);
      this.node.say(`channel ${hex(event.channel_id.get_a())} closed: ${why}`);
      this.opening.get(event.user_channel_id)?.reject(new Error(why));
      this.closing.get(hex(event.channel_id.get_a()))?.resolve(why);
    }
  }

  accept(event) {
    const { manager, setup } = this.node;
    const push = event.channel_negotiation_type.push_msat ?? 0n;
    let no = "";
    if (event.funding_satoshis < BigInt(setup.leastChannel ?? 0)) no = `channel is below the minimum of ${setup.leastChannel} sat`;
    else if (setup.noPush && push > 0n) no = "no channel with push_msat is accepted";
    if (no) manager.force_close_broadcasting_latest_txn(event.temporary_channel_id, event.counterparty_node_id, no);
    else {
      // LDK has told the peer why, if it refuses.
      const accepted = manager.accept_inbound_channel(event.temporary_channel_id, event.counterparty_node_id, 0n);
      if (!accepted.is_ok()) this.node.say(`accept channel: ${reason(accepted.err)}`);
    }
  }

  details(at) {
    const found = this.node.manager.list_channels().find((c) => c.get_funding_txo() && point(c.get_funding_txo()) === at);
    if (!found) throw new Error(`no channel ${at}`);
    return found;
  }

  // list is all channels that both sides have called ready.
  list() {
    return this.node.manager.list_channels().filter((c) => c.get_is_channel_ready()).map((c) => {
      const { local, remote } = balances(c);
      const reserve = Number(some(c.get_unspendable_punishment_reserve(), 0n));
      const type = c.get_channel_type();
      return {
        point: point(c.get_funding_txo()), scid: scidText(some(c.get_short_channel_id(), 0n)), peer: hex(c.get_counterparty().get_node_id()),
        active: Boolean(c.get_is_usable()), capacity: Number(c.get_channel_value_satoshis()), local: sat(local), ofUs: sat(remote),
        feerate: some(c.get_feerate_sat_per_1000_weight(), 0), private: !c.get_is_announced(), opener: Boolean(c.get_is_outbound()),
        type: type.supports_anchors_zero_fee_htlc_tx() ? "anchors" : "static_remote_key",
        htlcs: c.get_pending_inbound_htlcs().length + c.get_pending_outbound_htlcs().length,
        reserve, ourReserve: Number(c.get_counterparty().get_unspendable_punishment_reserve()), dustLimit: DUST,
      };
    });
  }

  // terms changes what we ask for to forward over a channel. LDK takes the least and the most from its peer.
  terms({ point: at, base, ppm, delta }) {
    const c = this.details(at);
    const config = c.get_config();
    config.set_forwarding_fee_base_msat(base);
    config.set_forwarding_fee_proportional_millionths(ppm);
    config.set_cltv_expiry_delta(delta);
    ok(this.node.manager.update_channel_config(c.get_counterparty().get_node_id(), [c.get_channel_id()], config), "terms");
    this.node.wake();
  }

  // close returns when both sides agree on the transaction, and it is sent.
  async close({ point: at, perKW }) {
    const c = this.details(at), id = hex(c.get_channel_id().get_a());
    const closed = new Promise((resolve) => this.closing.set(id, { resolve }));
    const rate = perKW ? ldk.Option_u32Z.constructor_some(perKW) : ldk.Option_u32Z.constructor_none();
    ok(this.node.manager.close_channel_with_feerate_and_script(c.get_channel_id(), c.get_counterparty().get_node_id(), rate, null), "close");
    this.node.wake();
    const why = await closed;
    await this.node.chain.sending;
    if (!/CooperativeClosure/.test(why)) throw new Error(why);
    return why;
  }

  forceClose({ point: at }) {
    const c = this.details(at);
    ok(this.node.manager.force_close_broadcasting_latest_txn(c.get_channel_id(), c.get_counterparty().get_node_id(), "closed by its operator"), "force close");
    this.node.wake();
  }
}

// resolved says whether nothing is to come of any channel that is closed: no output is claimed any more,
// and each sweep is in a block.
export function resolved({ manager, monitors, sweeper }) {
  const swept = (o) => o.get_status() instanceof ldk.OutputSpendStatus_PendingThresholdConfirmations;
  return monitors.get_claimable_balances(manager.list_channels()).length === 0 && sweeper.tracked_spendable_outputs().every(swept);
}

// balances are whose the money is, in millisatoshi, while no HTLC is under way. LDK tells what each can
// send, which is its balance less its reserve, or 0; at least one of the two has more than its reserve.
function balances(c) {
  const value = c.get_channel_value_satoshis() * 1000n;
  const out = c.get_outbound_capacity_msat(), back = c.get_inbound_capacity_msat();
  const local = out > 0n
    ? out + some(c.get_unspendable_punishment_reserve(), 0n) * 1000n
    : value - back - c.get_counterparty().get_unspendable_punishment_reserve() * 1000n;
  return { local, remote: value - local };
}

function reasonOf(r) {
  const name = r.constructor.name.replace("ClosureReason_", "");
  const more = r.peer_msg?.get_a?.() ?? r.err;
  return more ? `${name}: ${more}` : name;
}
