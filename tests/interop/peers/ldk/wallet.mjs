// The coins: one P2WPKH key, whose outputs are found in blocks and in transactions of our own.
import { createECDH, createPrivateKey, sign } from "node:crypto";
import { ldk, hex } from "./ldk.mjs";
import { Reader, hash160, parseTx, prefixed, sighash, writeTx } from "./tx.mjs";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const ALL = Buffer.from([1]); // SIGHASH_ALL
const INPUT_BYTES = 68n; // of a P2WPKH input, its witness at a quarter
const FEE_PER_BYTE = 5n;
const DUST = 294n;
const RBF = 0xfffffffd;

export class Wallet {
  constructor(secret, log) {
    const pair = createECDH("secp256k1");
    pair.setPrivateKey(secret);
    this.public = pair.getPublicKey(null, "compressed");
    const point = pair.getPublicKey();
    this.key = createPrivateKey({
      format: "jwk",
      key: {
        kty: "EC", crv: "secp256k1", d: Buffer.from(secret).toString("base64url"),
        x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url"),
      },
    });
    this.keyHash = hash160(this.public);
    this.script = Buffer.concat([Buffer.from([0, 20]), this.keyHash]);
    this.coins = new Map(); // by txid:vout: {txid, vout, value, confirmed}
    this.spent = new Set();
    this.source = ldk.Wallet.constructor_new(ldk.WalletSource.new_impl(this.forLDK()), log);
  }

  // see takes a transaction's outputs to us and the coins that it spends.
  see(tx, confirmed) {
    for (const i of tx.ins) {
      const id = `${hex(i.txid)}:${i.vout}`;
      this.spent.add(id);
      this.coins.delete(id);
    }
    tx.outs.forEach((o, vout) => {
      const id = `${hex(tx.txid)}:${vout}`;
      if (this.script.equals(o.script) && !this.spent.has(id)) {
        this.coins.set(id, { txid: tx.txid, vout, value: o.value, confirmed });
      }
    });
  }

  // unsee takes a transaction whose block is gone.
  unsee(tx) {
    for (const c of this.coins.values()) if (c.txid.equals(tx.txid)) c.confirmed = false;
  }

  // sats is what all confirmed coins are worth.
  sats = () => [...this.coins.values()].filter((c) => c.confirmed).reduce((sum, c) => sum + c.value, 0n);

  // pay makes a signed transaction with an output of that script and value, and change.
  pay(script, value) {
    const ins = [];
    let have = 0n;
    const fee = () => (BigInt(ins.length) * INPUT_BYTES + 100n) * FEE_PER_BYTE;
    for (const c of [...this.coins.values()].sort((a, b) => Number(b.confirmed) - Number(a.confirmed))) {
      if (ins.length && have >= value + fee()) break;
      ins.push({ txid: c.txid, vout: c.vout, script: Buffer.alloc(0), sequence: RBF, witness: [], value: c.value });
      have += c.value;
    }
    const change = have - value - fee();
    if (change < 0n) throw new Error(`the wallet has ${have} sat of ${value} and a fee`);
    const outs = [{ value, script: Buffer.from(script) }];
    if (change >= DUST) outs.push({ value: change, script: this.script });
    const tx = { version: 2, ins, outs, locktime: 0 };
    ins.forEach((i, n) => { i.witness = this.witness(tx, n, i.value); });
    const made = parseTx(writeTx(tx));
    this.see(made, false);
    return made;
  }

  witness(tx, index, value) {
    // sign hashes once more, which makes the two of BIP143; S has to be the lower of the two (BIP146).
    const raw = sign("sha256", sighash(tx, index, this.keyHash, value), { key: this.key, dsaEncoding: "ieee-p1363" });
    let s = BigInt("0x" + hex(raw.subarray(32)));
    if (s > ORDER / 2n) s = ORDER - s;
    const integer = (n) => {
      let b = Buffer.from(n.toString(16).padStart(64, "0"), "hex");
      while (b.length > 1 && b[0] === 0 && b[1] < 0x80) b = b.subarray(1);
      if (b[0] >= 0x80) b = Buffer.concat([Buffer.from([0]), b]);
      return Buffer.concat([Buffer.from([2]), prefixed(b)]);
    };
    const both = Buffer.concat([integer(BigInt("0x" + hex(raw.subarray(0, 32)))), integer(s)]);
    return [Buffer.concat([Buffer.from([0x30]), prefixed(both), ALL]), this.public];
  }

  // forLDK is what LDK needs to add fees to a force close.
  forLDK() {
    return {
      list_confirmed_utxos: () => ldk.Result_CVec_UtxoZNoneZ.constructor_ok(
        [...this.coins.values()].filter((c) => c.confirmed).map((c) => ldk.Utxo.constructor_new(
          ldk.OutPoint.constructor_new(new Uint8Array(c.txid), c.vout),
          ldk.TxOut.constructor_new(c.value, new Uint8Array(this.script)),
          4n + 109n, // weight of an empty script and of the witness
        ))),
      get_change_script: () => ldk.Result_CVec_u8ZNoneZ.constructor_ok(new Uint8Array(this.script)),
      sign_psbt: (psbt) => ldk.Result_TransactionNoneZ.constructor_ok(new Uint8Array(this.signPSBT(psbt))),
    };
  }

  // signPSBT signs our inputs of a PSBT (BIP174); the rest is LDK's, which adds its own witnesses.
  signPSBT(raw) {
    const r = new Reader(raw);
    r.take(5); // magic
    let tx;
    for (let key = r.bytes(); key.length; key = r.bytes()) {
      const value = r.bytes();
      if (key[0] === 0) tx = parseTx(value);
    }
    tx.ins.forEach((i, n) => {
      const coin = this.coins.get(`${hex(i.txid)}:${i.vout}`);
      if (coin) i.witness = this.witness(tx, n, coin.value);
    });
    return writeTx(tx);
  }
}
