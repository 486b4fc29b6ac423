// Command lightning-hsmtool makes, checks and reads the file hsm_secret, without a running node.
//
// It runs as the operator, on the operator's terminal: it shows secrets when asked to, reads a
// passphrase without echo, and never overwrites a file.
package main
