// A node: LDK's parts, made or read from files, and joined.
import { randomBytes } from "node:crypto";
import { Btcd } from "./btcd.mjs";
import { Chain, confirms, numbered } from "./chain.mjs";
import { Channels } from "./channels.mjs";
import { userConfig } from "./config.mjs";
import { Custom } from "./custom.mjs";
import { Fees } from "./fees.mjs";
import { hex, hidden, ldk, ok } from "./ldk.mjs";
import { Log } from "./log.mjs";
import { Net } from "./net.mjs";
import { Payments } from "./payments.mjs";
import { Signer } from "./signer.mjs";
import { Store } from "./store.mjs";
import { Wallet } from "./wallet.mjs";

const MINUTE = 60_000;
const PENDING_UPDATES = 50n; // of a channel's state, in files of their own before it is written as a whole
const NONE = ldk.Option_FilterZ.constructor_none();
const now = () => Math.floor(Date.now() / 1000);

export class Node {
  // start makes a node that listens, from what is in its folder.
  static async start(setup) {
    const node = new Node(setup);
    await node.load();
    await node.sync();
    await node.open();
    return node;
  }

  constructor(setup) {
    this.setup = setup;
    this.log = new Log();
    this.say = (text) => this.log.line("driver", text);
    this.store = new Store(setup.dir);
    this.fees = new Fees();
    this.chain = new Chain(new Btcd(setup.btcd), this.say);
    const seed = this.store.secret("seed", () => randomBytes(32));
    this.keys = ldk.KeysManager.constructor_new(new Uint8Array(seed), BigInt(now()), Math.floor(Math.random() * 1e9));
    this.wallet = new Wallet(this.store.secret("wallet-key", () => randomBytes(32)), this.log.logger);
    this.signer = new Signer(this.keys, this.wallet.script);
    // LDK sees each write as done at once, and what a state leads to waits until the store is flushed. LDK 0.1.2 would wait by
    // itself if it were told that a write goes on; but killed while it waits with a payment that it takes, it does not read
    // its files again.
    this.persister = ldk.MonitorUpdatingPersister.constructor_new(this.store.kv, this.log.logger, PENDING_UPDATES, this.keys.as_EntropySource(),
      this.signer.provider, this.chain.broadcaster, this.fees.estimator);
    this.monitors = ldk.ChainMonitor.constructor_new(NONE, this.chain.broadcaster, this.log.logger, this.fees.estimator, this.persister.as_Persist());
    this.bumper = ldk.BumpTransactionEventHandler.constructor_new(this.chain.broadcaster, this.wallet.source.as_CoinSelectionSource(),
      this.signer.provider, this.log.logger);
  }

  // load makes the parts that have state.
  async load() {
    const best = await this.chain.begin();
    const tip = ldk.BestBlock.constructor_new(hidden(best.hash), best.height);
    this.birth = this.store.readJSON("birth", best.height);
    this.store.writeJSON("birth", this.birth);
    this.loadGraph();
    const scored = ldk.MultiThreadedLockableScore.constructor_new(this.scorer.as_Score());
    this.router = ldk.DefaultRouter.constructor_new(this.graph, this.log.logger, this.keys.as_EntropySource(), scored.as_LockableScore(),
      ldk.ProbabilisticScoringFeeParameters.constructor_default());
    this.loadManager(tip);
    this.loadSweeper(tip);
    this.custom = new Custom(this.setup.features ?? []);
    const ignore = ldk.IgnoringMessageHandler.constructor_new();
    this.gossip = ldk.P2PGossipSync.constructor_new(this.graph, ldk.Option_UtxoLookupZ.constructor_none(), this.log.logger);
    this.peers = ldk.PeerManager.constructor_new(this.manager.as_ChannelMessageHandler(), this.gossip.as_RoutingMessageHandler(),
      ignore.as_OnionMessageHandler(), this.custom.handler, now(), new Uint8Array(randomBytes(32)), this.log.logger, this.keys.as_NodeSigner());
    this.id = hex(this.manager.get_our_node_id());
    this.channels = new Channels(this);
    this.payments = new Payments(this);
  }

  loadGraph() {
    const graph = this.store.read("graph");
    this.graph = graph
      ? ok(ldk.NetworkGraph.constructor_read(graph, this.log.logger), "read graph")
      : ldk.NetworkGraph.constructor_new(ldk.Network.LDKNetwork_Regtest, this.log.logger);
    const decay = ldk.ProbabilisticScoringDecayParameters.constructor_default();
    const scorer = this.store.read("scorer");
    this.scorer = scorer
      ? ok(ldk.ProbabilisticScorer.constructor_read(scorer, decay, this.graph, this.log.logger), "read scorer")
      : ldk.ProbabilisticScorer.constructor_new(decay, this.graph, this.log.logger);
  }

  loadManager(tip) {
    const messages = ldk.DefaultMessageRouter.constructor_new(this.graph, this.keys.as_EntropySource());
    const entropy = this.keys.as_EntropySource(), signs = this.keys.as_NodeSigner(), watch = this.monitors.as_Watch();
    const raw = this.store.read("manager");
    if (!raw) {
      this.known = [];
      this.manager = ldk.ChannelManager.constructor_new(this.fees.estimator, watch, this.chain.broadcaster, this.router.as_Router(),
        messages.as_MessageRouter(), this.log.logger, entropy, signs, this.signer.provider, userConfig(this.setup),
        ldk.ChainParameters.constructor_new(ldk.Network.LDKNetwork_Regtest, tip), now());
      return;
    }
    this.known = ok(this.persister.read_all_channel_monitors_with_updates(), "read monitors").map((pair) => pair.get_b());
    const read = ok(ldk.UtilMethods.constructor_C2Tuple_ThirtyTwoBytesChannelManagerZ_read(raw, entropy, signs, this.signer.provider,
      this.fees.estimator, watch, this.chain.broadcaster, this.router.as_Router(), messages.as_MessageRouter(), this.log.logger,
      userConfig(this.setup), this.known), "read manager");
    this.manager = read.get_b();
  }

  loadSweeper(tip) {
    const change = ldk.ChangeDestinationSource.new_impl({
      get_change_destination_script: () => ldk.Result_CVec_u8ZNoneZ.constructor_ok(new Uint8Array(this.wallet.script)),
    });
    const raw = this.store.read("ldk/output_sweeper");
    const { broadcaster } = this.chain, { estimator } = this.fees, spender = this.keys.as_OutputSpender();
    this.sweeper = raw
      ? ok(ldk.OutputSweeper.constructor_read(raw, broadcaster, estimator, NONE, spender, change, this.store.kv, this.log.logger), "read sweeper")
      : ldk.OutputSweeper.constructor_new(tip, broadcaster, estimator, NONE, spender, change, this.store.kv, this.log.logger);
  }

  // sync tells all that was read from files of the blocks since.
  async sync() {
    const bests = [this.manager.current_best_block(), this.sweeper.current_best_block(), ...this.known.map((m) => m.current_best_block())];
    for (const monitor of this.known) ok(this.monitors.as_Watch().watch_channel(monitor.get_funding_txo().get_a(), monitor), "watch channel");
    this.confirmed = [this.manager.as_Confirm(), this.monitors.as_Confirm(), this.sweeper.as_Confirm()];
    const { tip } = this.chain;
    let from = tip;
    for (const best of bests) from = Math.min(from, (await this.chain.has(best.get_block_hash())) ? best.get_height() : this.birth);
    for (const c of this.confirmed) {
      for (const entry of c.get_relevant_txids()) {
        const block = entry.get_c();
        if ("some" in block && !(await this.chain.has(block.some))) c.transaction_unconfirmed(entry.get_a());
      }
    }
    for (let height = this.birth; height <= tip; height++) {
      const block = await this.chain.block(height);
      this.chain.take(block);
      block.txs.forEach((tx) => this.wallet.see(tx, true));
      if (height >= from) this.confirmed.forEach((c) => c.transactions_confirmed(block.header, numbered(block.txs), height));
      if (height === tip) this.confirmed.forEach((c) => c.best_block_updated(block.header, height));
    }
  }

  async open() {
    this.net = new Net(this.peers, () => this.wake());
    await this.net.listen(this.setup.host, this.setup.port);
    this.chain.follow([confirms(...this.confirmed), this.coins()], () => {
      if (!this.announced) this.announce();
      this.wake();
    });
    setInterval(() => { this.tick(); }, MINUTE);
    this.turn();
  }

  // coins keeps the wallet's idea of its coins with the chain.
  coins() {
    return {
      connected: ({ txs }) => txs.forEach((tx) => this.wallet.see(tx, true)),
      disconnected: ({ txs }) => txs.forEach((tx) => this.wallet.unsee(tx)),
    };
  }

  // tick is what LDK wants to be told once a minute.
  tick() {
    this.announce();
    this.manager.timer_tick_occurred();
    this.monitors.rebroadcast_pending_claims();
    this.saveGraph();
    this.wake();
  }

  // announce tells the network of this node, which takes it only from one with a public channel.
  announce() {
    if (!this.manager.list_usable_channels().some((c) => c.get_is_announced())) return;
    const alias = new Uint8Array(32);
    alias.set(Buffer.from("ldk"));
    const ip = ldk.SocketAddress.constructor_tcp_ip_v4(new Uint8Array([127, 0, 0, 1]), this.setup.port);
    this.peers.broadcast_node_announcement(new Uint8Array(3), alias, [ip]);
    this.announced = true;
  }

  saveGraph() {
    this.store.write("graph", this.graph.write());
    this.store.write("scorer", this.scorer.write());
  }

  // wake has turn run once, soon, for all that has happened until then.
  wake() {
    this.waking ??= setImmediate(() => this.turn());
  }

  // turn handles what LDK has to say, stores its state, and lets it send.
  turn() {
    this.waking = null;
    for (let events = this.events(); events.length > 0; events = this.events()) events.forEach((e) => this.handle(e));
    const needed = this.manager.get_and_clear_needs_persistence();
    if (needed || this.store.waiting.size > 0) this.store.later("manager", this.manager.write());
    this.store.flush();
    this.chain.release();
    this.peers.process_events();
  }

  events() {
    const events = [];
    const handler = ldk.EventHandler.new_impl({
      handle_event: (e) => { events.push(e); return ldk.Result_NoneReplayEventZ.constructor_ok(); },
    });
    this.manager.as_EventsProvider().process_pending_events(handler);
    this.monitors.as_EventsProvider().process_pending_events(handler);
    return events;
  }

  handle(event) {
    this.say(`event ${event.constructor.name.replace("Event_", "")}`);
    if (event instanceof ldk.Event_PendingHTLCsForwardable) {
      setTimeout(() => { this.manager.process_pending_htlc_forwards(); this.wake(); }, 5);
    } else if (event instanceof ldk.Event_SpendableOutputs) {
      this.sweeper.track_spendable_outputs(event.outputs, event.channel_id, true, ldk.Option_u32Z.constructor_none());
    } else if (event instanceof ldk.Event_BumpTransaction) {
      this.bumper.handle_event(event.bump_transaction);
    } else {
      this.channels.handle(event);
      this.payments.handle(event);
    }
  }

  // stop leaves everything in files; the process ends after it.
  async stop() {
    this.peers.disconnect_all_peers();
    this.turn();
    this.saveGraph();
    await this.chain.sending;
  }
}
