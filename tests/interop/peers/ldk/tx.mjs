// Transactions: reading, writing, and what a P2WPKH input's signature commits to (BIP143).
import { createHash } from "node:crypto";

export const sha256 = (raw) => createHash("sha256").update(raw).digest();
export const hash256 = (raw) => sha256(sha256(raw));
export const hash160 = (raw) => createHash("ripemd160").update(sha256(raw)).digest();

// Reader takes a serialized thing apart, from the front.
export class Reader {
  constructor(raw) {
    this.raw = Buffer.from(raw);
    this.at = 0;
  }
  take(n) {
    if (this.at + n > this.raw.length) throw new Error("transaction is cut short");
    this.at += n;
    return this.raw.subarray(this.at - n, this.at);
  }
  u8 = () => this.take(1).readUInt8();
  u32 = () => this.take(4).readUInt32LE();
  u64 = () => this.take(8).readBigUInt64LE();
  varint() {
    const first = this.u8();
    if (first < 0xfd) return first;
    if (first === 0xfd) return this.take(2).readUInt16LE();
    if (first === 0xfe) return this.u32();
    return Number(this.u64());
  }
  bytes = () => this.take(this.varint());
  list = (each) => Array.from({ length: this.varint() }, each);
}

export function u32(n) {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n);
  return b;
}

export function u64(n) {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(n);
  return b;
}

export function varint(n) {
  if (n < 0xfd) return Buffer.from([n]);
  if (n > 0xffff) return Buffer.concat([Buffer.from([0xfe]), u32(n)]);
  return Buffer.from([0xfd, n & 0xff, n >> 8]);
}

export const prefixed = (raw) => Buffer.concat([varint(raw.length), raw]);

// readTx reads one transaction; raw is what it was read from, txid in the order of the wire.
export function readTx(r) {
  const start = r.at;
  const version = r.u32();
  const segwit = r.raw[r.at] === 0;
  if (segwit) r.take(2); // marker and flag (BIP144)
  const ins = r.list(() => ({ txid: r.take(32), vout: r.u32(), script: r.bytes(), sequence: r.u32(), witness: [] }));
  const outs = r.list(() => ({ value: r.u64(), script: r.bytes() }));
  if (segwit) for (const i of ins) i.witness = r.list(() => r.bytes());
  const tx = { version, ins, outs, locktime: r.u32() };
  tx.raw = r.raw.subarray(start, r.at);
  tx.txid = hash256(writeTx(tx, false));
  return tx;
}

export const parseTx = (raw) => readTx(new Reader(raw));

const outpoint = (i) => Buffer.concat([i.txid, u32(i.vout)]);
const output = (o) => Buffer.concat([u64(o.value), prefixed(o.script)]);
const all = (list, each) => Buffer.concat([varint(list.length), ...list.map(each)]);

export function writeTx(tx, witness = true) {
  const ins = all(tx.ins, (i) => Buffer.concat([outpoint(i), prefixed(i.script), u32(i.sequence)]));
  const parts = [u32(tx.version), ins, all(tx.outs, output)];
  if (witness) {
    parts.splice(1, 0, Buffer.from([0, 1]));
    parts.push(...tx.ins.map((i) => all(i.witness, prefixed)));
  }
  return Buffer.concat([...parts, u32(tx.locktime)]);
}

// sighash is what the signature of a P2WPKH input commits to, before the last of its two hashes.
export function sighash(tx, index, keyHash, value) {
  const input = tx.ins[index];
  const scriptCode = Buffer.concat([Buffer.from("76a914", "hex"), keyHash, Buffer.from("88ac", "hex")]);
  return sha256(Buffer.concat([
    u32(tx.version), hash256(Buffer.concat(tx.ins.map(outpoint))), hash256(Buffer.concat(tx.ins.map((i) => u32(i.sequence)))),
    outpoint(input), prefixed(scriptCode), u64(value), u32(input.sequence),
    hash256(Buffer.concat(tx.outs.map(output))), u32(tx.locktime), u32(1),
  ]));
}
