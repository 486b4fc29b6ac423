// The chain: blocks from btcd, one after the other, to all who ask for them, and transactions to btcd.
import { ldk, hidden, shown, hex } from "./ldk.mjs";
import { Reader, hash256, readTx } from "./tx.mjs";

const EVERY = 250; // milliseconds between two looks at the tip
const TRY_BLOCKS = 12; // for which a transaction that btcd refuses is tried again

export class Chain {
  constructor(btcd, say) {
    this.btcd = btcd;
    this.say = say;
    this.blocks = new Map(); // by height, those that were given out
    this.tip = -1;
    this.unsent = new Map(); // by txid: {raw, until}: refused, and tried again with each block up to that height
    this.unstored = []; // transactions of LDK's, until the state that they come from is stored
    this.broadcaster = ldk.BroadcasterInterface.new_impl({
      broadcast_transactions: (txs) => { this.unstored.push(...txs.map((raw) => new Uint8Array(raw))); },
    });
    this.sending = Promise.resolve();
  }

  // begin remembers the newest block as the one up to which all is known.
  async begin() {
    const best = await this.btcd.call("getbestblock");
    this.take({ ...best, txs: [] });
    return best;
  }

  // follow looks for blocks again and again, and says so to those in readers. Each has connected(block)
  // and disconnected(block).
  follow(readers, after) {
    this.readers = readers;
    this.after = after;
    const look = () => this.catchUp()
      .catch((err) => this.say(`chain: ${err.message}`))
      .finally(() => { this.timer = setTimeout(look, EVERY); });
    look();
  }

  // catchUp gives out all blocks that there are; only one runs at a time.
  catchUp() {
    this.turn = (this.turn ?? Promise.resolve()).catch(() => {}).then(() => this.read());
    return this.turn;
  }

  async read() {
    const best = await this.btcd.call("getbestblock");
    if (this.blocks.get(this.tip).hash === best.hash) return;
    for (let b = this.blocks.get(this.tip); b && !(await this.has(hidden(b.hash))); b = this.blocks.get(this.tip)) {
      this.say(`chain: block ${b.height} is gone`);
      this.readers.forEach((r) => r.disconnected(b));
      this.blocks.delete(this.tip--);
    }
    for (let height = this.tip + 1; height <= best.height; height++) {
      const block = await this.block(height);
      this.take(block);
      this.readers.forEach((r) => r.connected(block));
    }
    this.send([...this.unsent.values()].map((u) => u.raw));
    this.after();
  }

  // take makes a block the newest.
  take(block) {
    this.blocks.set(block.height, block);
    this.tip = block.height;
  }

  // block is one of the best chain: header, height, hash as shown, and transactions.
  async block(height) {
    const raw = Buffer.from(await this.btcd.call("getblock", await this.btcd.call("getblockhash", height), 0), "hex");
    const r = new Reader(raw);
    const header = new Uint8Array(r.take(80));
    return { height, header, hash: shown(hash256(header)), txs: r.list(() => readTx(r)) };
  }

  // has says whether a block, by its hash as on the wire, is in the best chain. btcd tells the headers of no other.
  async has(hash) {
    try {
      await this.btcd.call("getblockheader", shown(hash));
      return true;
    } catch (err) {
      if (err.message.includes("not in the main chain")) return false;
      throw err;
    }
  }

  // release sends what LDK wanted to be sent.
  release() {
    if (this.unstored.length) this.send(this.unstored.splice(0));
  }

  // send gives transactions to btcd, after those before them.
  send(txs) {
    this.sending = this.sending.then(async () => {
      for (const raw of txs) await this.sendOne(raw);
    });
  }

  async sendOne(raw) {
    const { txid } = readTx(new Reader(raw)), id = hex(txid);
    try {
      await this.btcd.call("sendrawtransaction", hex(raw));
      this.unsent.delete(id);
      this.say(`chain: sent ${shown(txid)}`);
    } catch (err) {
      const until = this.unsent.get(id)?.until ?? this.tip + TRY_BLOCKS;
      // Too early, or a parent is missing: then again with the next block.
      if (/already|exists/.test(err.message) || until < this.tip) this.unsent.delete(id);
      else this.unsent.set(id, { raw, until });
      this.say(`chain: ${shown(txid)}: ${err.message}`);
    }
  }
}

// numbered is a block's transactions as LDK takes them.
export const numbered = (txs) => txs.map((tx, n) => ldk.TwoTuple_usizeTransactionZ.constructor_new(n, new Uint8Array(tx.raw)));

// confirms makes a reader of what LDK confirms by (its Confirm interface).
export function confirms(...targets) {
  return {
    connected({ header, height, txs }) {
      for (const t of targets) {
        t.transactions_confirmed(header, numbered(txs), height);
        t.best_block_updated(header, height);
      }
    },
    disconnected({ hash }) {
      for (const t of targets) {
        for (const entry of t.get_relevant_txids()) {
          const block = entry.get_c();
          if ("some" in block && shown(block.some) === hash) t.transaction_unconfirmed(entry.get_a());
        }
      }
    },
  };
}
