// Package signer holds a node's secrets, derives every key from them, and signs what its policy
// allows. It builds what it signs from amounts and keys by itself, through package tx, and keeps for
// each channel the little state that the policy needs. It does no I/O and reads no clock; the only
// goroutines are those that share one batch of signatures among the processor's cores.
//
// Keys follow from the seed of hsm_secret, 32 bytes or a mnemonic's 64. HKDF is that of RFC 5869 with
// SHA-256; root is the seed's first 32 bytes.
//
//	node key        HKDF(salt 00000000, root, "nodeid"), as in Core Lightning
//	BIP 32 master   the seed if it is a mnemonic's, else HKDF(salt 00000000, root, "bip32 seed")
//	wallet          m/84'/coin'/0' (p2wpkh) and m/86'/coin'/0' (p2tr)
//	other secrets   HKDF(HKDF(root, "derived secrets"), info), as in Core Lightning
//	channel seed    HKDF(root, "fulmen channel" || peer node id || database id, 8 bytes)
//	channel keys    HKDF(channel seed, "funding"), "revocation", "payment", "delayed_payment", "htlc"
//	shachain seed   HKDF(channel seed, "per_commitment_seed")
//
// So a channel's keys can be found again from hsm_secret, its peer and its number in the database.
package signer
