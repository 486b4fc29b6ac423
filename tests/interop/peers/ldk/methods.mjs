// What the driver in Go can ask for.
import { resolved } from "./channels.mjs";
import { decode, graph } from "./shows.mjs";
import { bytes, hex, version } from "./ldk.mjs";

const CONNECT_TIME = 10_000;

export function methods(node) {
  const { channels, payments } = node;
  const isConnected = (id) => node.peers.list_peers().some((p) => hex(p.get_counterparty_node_id()) === id);
  return {
    info: () => ({ version, id: node.id, height: node.chain.tip, sats: Number(node.wallet.sats()) }),
    address: () => ({ script: hex(node.wallet.script) }),
    async sync() {
      await node.chain.catchUp();
      node.turn();
      await node.chain.sending; // what the blocks made it send
      return { height: node.chain.tip };
    },
    async connect({ id, host, port }) {
      if (isConnected(id)) return;
      const socket = await node.net.dial(id, host, port);
      await shookHands(socket, () => isConnected(id));
    },
    disconnect({ id }) {
      if (!isConnected(id)) throw new Error(`${id} is not connected`);
      node.peers.disconnect_by_node_id(bytes(id));
    },
    connected: ({ id }) => ({ connected: isConnected(id) }),
    custom({ id, type, data }) {
      node.custom.send(bytes(id), type, bytes(data));
      node.wake();
    },
    async open(how) { return { point: await channels.open(how) }; },
    channels: () => ({ channels: channels.list() }),
    async close(how) { return { why: await channels.close(how) }; },
    forceclose: (how) => channels.forceClose(how),
    invoice: (what) => ({ bolt11: payments.invoice(what) }),
    invoicestate: (which) => ({ state: payments.state(which) }),
    received: () => ({ received: payments.received() }),
    settle: (what) => payments.settle(what),
    cancel: (what) => payments.cancel(what),
    pay: (what) => payments.pay(what),
    keysend: (what) => payments.keysend(what),
    async route({ routes }) { return { outcomes: await Promise.all(routes.map((r) => payments.route(r))) }; },
    decode: ({ bolt11 }) => decode(bolt11),
    graph: () => graph(node.graph),
    resolved: () => ({ resolved: resolved(node) }),
    terms: (how) => channels.terms(how),
    fees({ perKW }) {
      node.fees.channel = perKW;
      node.tick();
    },
  };
}

// shookHands waits until init messages were exchanged, or the socket is closed.
function shookHands(socket, connected) {
  return new Promise((resolve, reject) => {
    const until = Date.now() + CONNECT_TIME;
    const timer = setInterval(() => {
      if (connected()) end(resolve);
      else if (socket.destroyed) end(() => reject(new Error("the connection was closed")));
      else if (Date.now() > until) end(() => reject(new Error("no handshake in time")));
    }, 20);
    const end = (f) => { clearInterval(timer); f(); };
  });
}
