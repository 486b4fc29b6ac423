// What LDK and the driver write, on standard error; and the reasons of failed payments, which LDK 0.1
// tells nowhere else.
import { ldk } from "./ldk.mjs";

const LEVELS = ["GOSSIP", "TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
const REASON = /^Onion Error\[from ([0-9a-f]{66}): ([a-z_0-9]+)/;

export class Log {
  constructor() {
    this.failures = []; // {from, name} of failure onions, not yet taken
    this.logger = ldk.Logger.new_impl({ log: (record) => this.take(record) });
  }

  take(record) {
    const level = record.get_level(), from = record.get_module_path();
    // Of what is below debug, messages alone: the rest is a line for each HTLC in each commitment.
    if (level < ldk.Level.LDKLevel_Debug && !(level === ldk.Level.LDKLevel_Trace && from.endsWith("peer_handler"))) return;
    const text = record.get_args();
    const found = REASON.exec(text);
    if (found) this.failures.push({ from: found[1], name: found[2] });
    this.line(`${LEVELS[level]} ${from}`, text);
  }

  line(who, text) {
    process.stderr.write(`${new Date().toISOString()} ${who}: ${text}\n`);
  }
}
