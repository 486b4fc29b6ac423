// Package plugin is the host's side of the plugin protocol: it runs programs with JSON-RPC on their
// stdin and stdout, asks each what it offers (getmanifest), gives it its options (init), passes
// commands to it, and says what became of it. It knows nothing of channels or payments.
//
// A plugin is trusted with what the RPC allows, but not to be free of bugs: whatever it writes, or
// does not write, ends at worst that one plugin, with a reason in the log.
package plugin
