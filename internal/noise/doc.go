// Package noise is the transport of BOLT 8: the handshake Noise_XK_secp256k1_ChaChaPoly_SHA256 and
// the framing and encryption of messages after it. It reads no socket and draws no randomness: acts
// and ciphertext go in and out as bytes, the ephemeral key is given, and the node's static key never
// comes here: its Diffie-Hellman is a function that the caller brings.
package noise
