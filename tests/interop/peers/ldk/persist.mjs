// When channels' states become files. A monitor that is ahead of the manager costs the channel at the next start,
// so each is called "in progress" until the manager, which then has its updates too, is in its file.
import { ldk } from "./ldk.mjs";

const PENDING_UPDATES = 50n; // in files of their own before a monitor is written as a whole

export class Persister {
  constructor(store, log, keys, signer, broadcaster, fees) {
    this.store = store;
    this.unfinished = []; // {at, id}: monitor updates that are not in a file
    this.files = ldk.MonitorUpdatingPersister.constructor_new(store.kv, log, PENDING_UPDATES, keys.as_EntropySource(), signer, broadcaster, fees);
    const inner = this.files.as_Persist();
    const later = (at, id) => {
      this.unfinished.push({ at: ldk.OutPoint.constructor_new(at.get_txid(), at.get_index()), id });
      return ldk.ChannelMonitorUpdateStatus.LDKChannelMonitorUpdateStatus_InProgress;
    };
    this.persist = ldk.Persist.new_impl({
      persist_new_channel: (at, monitor) => {
        inner.persist_new_channel(at, monitor);
        return later(at, monitor.get_latest_update_id());
      },
      update_persisted_channel: (at, update, monitor) => {
        const status = inner.update_persisted_channel(at, update, monitor);
        return isSet(update) ? later(at, update.get_update_id()) : status; // without one it is about blocks
      },
      archive_persisted_channel: (at) => inner.archive_persisted_channel(at),
    });
  }

  // save brings all into files, in the order that is safe; true if LDK has more to say after it.
  save(manager, monitors) {
    const needed = manager.get_and_clear_needs_persistence();
    if (needed || this.unfinished.length) this.store.write("manager", manager.write());
    this.store.flush();
    const done = this.unfinished.splice(0);
    for (const { at, id } of done) monitors.channel_monitor_updated(at, id);
    return done.length > 0;
  }
}

// isSet is false for an object of the bindings that stands for none.
const isSet = (object) => Boolean(object) && object.ptr > 1n; // the lowest bit is whose it is
