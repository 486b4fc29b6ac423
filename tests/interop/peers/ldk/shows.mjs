// What LDK knows, as JSON.
import { hex, ldk, ok, some } from "./ldk.mjs";
import { scidText } from "./scid.mjs";

// decode is an invoice.
export function decode(bolt11) {
  const i = ok(ldk.Bolt11Invoice.constructor_from_str(bolt11), "read invoice");
  return {
    payee: hex(i.recover_payee_pub_key()), hash: hex(i.payment_hash()), secret: hex(i.payment_secret()),
    msat: Number(some(i.amount_milli_satoshis(), 0n)), delta: Number(i.min_final_cltv_expiry_delta()),
  };
}

// graph is the public network: aliases of nodes by id, and the terms of each side by short_channel_id.
export function graph(network) {
  const read = network.read_only();
  const nodes = {}, channels = {};
  try {
    for (const id of read.list_nodes()) {
      const said = read.node(id).get_announcement_info();
      if (said instanceof ldk.Option_NodeAnnouncementInfoZ_Some) {
        nodes[hex(id.as_slice())] = Buffer.from(said.some.alias().get_a()).toString().replaceAll("\0", "");
      }
    }
    for (const scid of read.list_channels()) {
      const c = read.channel(scid), sides = {};
      for (const [id, terms] of [[c.get_node_one(), c.get_one_to_two()], [c.get_node_two(), c.get_two_to_one()]]) {
        if (terms) sides[hex(id.as_slice())] = shape(terms);
      }
      channels[scidText(scid)] = sides;
    }
  } finally {
    read.free(); // or the graph stays locked
  }
  return { nodes, channels };
}

const shape = (u) => ({
  base: u.get_fees().get_base_msat(), ppm: u.get_fees().get_proportional_millionths(), delta: u.get_cltv_expiry_delta(),
  min: Number(u.get_htlc_minimum_msat()), max: Number(u.get_htlc_maximum_msat()), disabled: !u.get_enabled(),
});
