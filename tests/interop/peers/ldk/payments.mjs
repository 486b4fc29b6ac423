// Payments: invoices, what arrives for them, and what we send.
import { createHash, randomBytes } from "node:crypto";
import { bytes, hex, ldk, ok, reason, some } from "./ldk.mjs";
import { scidOf } from "./scid.mjs";

const ATTEMPTS = 3;
const MOST_FEE = 1_000_000n; // millisatoshi

export class Payments {
  constructor(node) {
    this.node = node;
    this.paying = new Map(); // by payment_id in hex: {resolve, unpaid, parts, preimage, failure}
    this.invoices = node.store.readJSON("invoices", {}); // by payment_hash: {state, expires, hold}
  }

  save = () => this.node.store.writeJSON("invoices", this.invoices);

  // invoice makes one; with hash, whoever asks settles or cancels its payment.
  invoice({ msat, expiry, hash }) {
    const u64 = ldk.Option_u64Z, u32 = ldk.Option_u32Z, u16 = ldk.Option_u16Z, of32 = ldk.Option_ThirtyTwoBytesZ;
    const invoice = ok(this.node.manager.create_bolt11_invoice(
      msat ? u64.constructor_some(BigInt(msat)) : u64.constructor_none(),
      ldk.Bolt11InvoiceDescription.constructor_direct(ok(ldk.Description.constructor_new("from LDK"), "description")),
      expiry ? u32.constructor_some(expiry) : u32.constructor_none(), u16.constructor_none(),
      hash ? of32.constructor_some(bytes(hash)) : of32.constructor_none()), "invoice");
    const lasts = Number(invoice.expiry_time()) * 1000;
    this.invoices[hex(invoice.payment_hash())] = { state: "open", expires: Date.now() + lasts, hold: Boolean(hash) };
    this.save();
    return invoice.to_str();
  }

  state({ hash }) {
    const i = this.invoices[hash];
    return i?.state === "open" && i.expires < Date.now() ? "expired" : i?.state;
  }

  received = () => Object.values(this.invoices).filter((i) => i.state === "paid").length;

  settle({ preimages }) {
    for (const preimage of preimages) {
      this.held(createHash("sha256").update(bytes(preimage)).digest("hex"));
      this.node.manager.claim_funds(bytes(preimage));
    }
    this.node.wake();
  }

  cancel({ hashes }) {
    for (const hash of hashes) {
      this.held(hash).state = "cancelled";
      this.node.manager.fail_htlc_backwards(bytes(hash));
    }
    this.save();
    this.node.wake();
  }

  held(hash) {
    if (this.state({ hash }) !== "held") throw new Error(`invoice ${hash} is ${this.state({ hash })}`);
    return this.invoices[hash];
  }

  handle(event) {
    if (event instanceof ldk.Event_PaymentClaimable) this.claimable(event);
    else if (event instanceof ldk.Event_PaymentClaimed) {
      const hash = hex(event.payment_hash);
      this.invoices[hash] = { ...this.invoices[hash], state: "paid" };
      this.save();
    } else if (event instanceof ldk.Event_PaymentSent) {
      const p = this.paying.get(hex(some(event.payment_id, new Uint8Array())));
      if (p) p.preimage = hex(event.payment_preimage);
    } else if (event instanceof ldk.Event_PaymentPathSuccessful) {
      const p = this.paying.get(hex(event.payment_id));
      if (p) partPaid(p, event.path);
    } else if (event instanceof ldk.Event_PaymentPathFailed) this.pathFailed(event);
    else if (event instanceof ldk.Event_PaymentFailed) {
      const p = this.paying.get(hex(event.payment_id));
      const why = ldk.PaymentFailureReason[some(event.reason)] ?? "no reason";
      p?.resolve({ ...p.failure, error: why.replace("LDKPaymentFailureReason_", "") });
    }
  }

  claimable(event) {
    const { manager } = this.node, hash = hex(event.payment_hash), invoice = this.invoices[hash];
    const { purpose } = event;
    const keysend = purpose instanceof ldk.PaymentPurpose_SpontaneousPayment;
    const preimage = keysend ? purpose.spontaneous_payment : some(purpose.preimage());
    if (invoice?.state === "held") return; // told again after a restart
    if (!keysend && (!invoice || this.state({ hash }) === "expired")) manager.fail_htlc_backwards(event.payment_hash);
    else if (preimage && !invoice?.hold) manager.claim_funds(preimage);
    else {
      invoice.state = "held";
      this.save();
    }
  }

  pathFailed(event) {
    const p = this.paying.get(hex(some(event.payment_id, new Uint8Array())));
    if (event.failure instanceof ldk.PathFailure_InitialSend) {
      if (p) p.failure = { local: reason(event.failure.err) };
      return;
    }
    const onion = this.node.log.failures.shift();
    if (!p || !onion) return;
    const hops = event.path.get_hops().map((h) => hex(h.get_pubkey()));
    p.failure = { failure: onion.name, failedAt: hops.indexOf(onion.from) + 1 };
  }

  // pay pays an invoice; msat is for one without an amount.
  pay({ bolt11, msat }) {
    const invoice = ok(ldk.Bolt11Invoice.constructor_from_str(bolt11), "read invoice");
    const named = "some" in invoice.amount_milli_satoshis();
    const what = ok(named
      ? ldk.UtilMethods.constructor_payment_parameters_from_invoice(invoice)
      : ldk.UtilMethods.constructor_payment_parameters_from_variable_amount_invoice(invoice, BigInt(msat)), "pay");
    const params = what.get_c();
    params.set_max_total_routing_fee_msat(ldk.Option_u64Z.constructor_some(MOST_FEE));
    return this.sent(what.get_a(), params.get_final_value_msat(), (id) => ok(this.node.manager.send_payment(what.get_a(), what.get_b(), id, params,
      ldk.Retry.constructor_attempts(ATTEMPTS)), "pay"));
  }

  // keysend pays without an invoice.
  keysend({ id, msat }) {
    const preimage = new Uint8Array(randomBytes(32));
    const hash = new Uint8Array(createHash("sha256").update(preimage).digest());
    const params = ldk.RouteParameters.constructor_from_payment_params_and_value(
      ldk.PaymentParameters.constructor_for_keysend(bytes(id), 40, false), BigInt(msat));
    return this.sent(hash, BigInt(msat), (number) => ok(this.node.manager.send_spontaneous_payment(ldk.Option_ThirtyTwoBytesZ.constructor_some(preimage),
      ldk.RecipientOnionFields.constructor_spontaneous_empty(), number, params, ldk.Retry.constructor_attempts(ATTEMPTS)), "keysend"));
  }

  // route makes one attempt over the hops told, each {scid, to, msat, delay}: what its node gets, and the
  // blocks that it has left.
  route({ hash, secret, hops }) {
    const path = hops.map((h, i) => {
      // LDK's hop has the fee and delta of its node; the last one has the amount, and its delay from the next block
      // on, which must not be 0.
      const next = hops[i + 1] ?? { msat: 0, delay: 1 };
      return ldk.RouteHop.constructor_new(bytes(h.to), ldk.NodeFeatures.constructor_empty(), scidOf(h.scid),
        ldk.ChannelFeatures.constructor_empty(), BigInt(h.msat - next.msat), Math.max(1, h.delay - next.delay), true);
    });
    const route = ldk.Route.constructor_new([ldk.Path.constructor_new(path, null)], null);
    return this.sent(bytes(hash), BigInt(hops.at(-1).msat), (id) => ok(this.node.manager.send_payment_with_route(route, bytes(hash),
      ldk.RecipientOnionFields.constructor_secret_only(bytes(secret)), id), "pay"));
  }

  // sent is the outcome of paying so many msat: {preimage, parts}, or {failure, failedAt, error}.
  async sent(hash, msat, send) {
    const id = hex(hash);
    const outcome = new Promise((resolve) => this.paying.set(id, { resolve, unpaid: msat, parts: 0 }));
    try {
      send(new Uint8Array(hash));
      this.node.wake();
      return await outcome;
    } finally {
      this.paying.delete(id);
    }
  }
}

// partPaid ends a payment with its last part. LDK tells of each by itself, some after the payment is over.
function partPaid(p, path) {
  p.parts++;
  p.unpaid -= path.get_hops().at(-1).get_fee_msat(); // the last hop's is what it is to have
  if (p.unpaid <= 0n) p.resolve({ preimage: p.preimage, parts: p.parts });
}
