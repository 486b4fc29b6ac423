// Channels' states as LDK stores them: a monitor as a whole now and then, and each of its updates.
import { ldk } from "./ldk.mjs";

const PENDING_UPDATES = 50n; // in files of their own before a monitor is written as a whole

// persister writes to the store at once, as LDK sees it: what a state leads to must wait until the store is flushed.
// LDK 0.1.2 would wait by itself if it were told that a write goes on; but killed while it waits with a payment that
// it takes, it does not read its files again.
export const persister = (store, log, keys, signer, broadcaster, fees) =>
  ldk.MonitorUpdatingPersister.constructor_new(store.kv, log, PENDING_UPDATES, keys.as_EntropySource(), signer, broadcaster, fees);
