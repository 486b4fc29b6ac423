// LDK's keys, but with scripts of our wallet wherever money leaves a channel.
import { ldk } from "./ldk.mjs";

export class Signer {
  constructor(keys, script) {
    const inner = keys.as_SignerProvider();
    this.script = script;
    this.next = null; // the script of the next channel alone
    this.provider = ldk.SignerProvider.new_impl({
      generate_channel_keys_id: (inbound, value) => inner.generate_channel_keys_id(inbound, value, 0n),
      derive_channel_signer: (value, id) => inner.derive_channel_signer(value, id),
      read_chan_signer: (raw) => inner.read_chan_signer(raw),
      get_destination_script: () => ldk.Result_CVec_u8ZNoneZ.constructor_ok(new Uint8Array(this.script)),
      get_shutdown_scriptpubkey: () => this.shutdown(this.next ?? this.script),
    });
  }

  shutdown(script) {
    this.next = null;
    // As LDK writes it: 1 for a script that BOLT 2 allows, and the script with its length.
    const read = ldk.ShutdownScript.constructor_read(Uint8Array.from([1, 0, script.length, ...script]));
    return read.is_ok() ? ldk.Result_ShutdownScriptNoneZ.constructor_ok(read.res) : ldk.Result_ShutdownScriptNoneZ.constructor_err();
  }
}
