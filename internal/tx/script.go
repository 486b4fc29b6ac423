package tx

import (
	"bytes"
	"crypto/sha256"
	"hash"

	//lint:ignore SA1019 Bitcoin's scripts need RIPEMD160, and only for what SHA256 hashed before
	"golang.org/x/crypto/ripemd160"

	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// The opcodes of the scripts below.
const (
	op0                   = 0x00
	opData20              = 0x14
	opData32              = 0x20
	opData33              = 0x21
	op1                   = 0x51
	op2                   = 0x52
	op16                  = 0x60
	opIf                  = 0x63
	opNotIf               = 0x64
	opElse                = 0x67
	opEndIf               = 0x68
	opReturn              = 0x6a
	opIfDup               = 0x73
	opDrop                = 0x75
	opDup                 = 0x76
	opSwap                = 0x7c
	opSize                = 0x82
	opEqual               = 0x87
	opEqualVerify         = 0x88
	opHash160             = 0xa9
	opCheckSig            = 0xac
	opCheckSigVerify      = 0xad
	opCheckMultisig       = 0xae
	opCheckLockTimeVerify = 0xb1
	opCheckSequenceVerify = 0xb2
)

const (
	p2wpkhLen = 22
	p2wshLen  = 34
)

// appendKey appends a push of a public key.
func appendKey(b []byte, key *keys.PubKey) []byte {
	return append(append(b, opData33), key[:]...)
}

// appendNumber appends the shortest push of n: small numbers have an opcode, others are
// little-endian with a sign bit.
func appendNumber(b []byte, n uint32) []byte {
	if n == 0 {
		return append(b, op0)
	}
	if n <= 16 {
		return append(b, op1-1+byte(n))
	}
	length := len(b)
	b = append(b, 0)
	for v := n; v != 0; v >>= 8 {
		b = append(b, byte(v))
	}
	if b[len(b)-1]&0x80 != 0 {
		b = append(b, 0)
	}
	b[length] = byte(len(b) - length - 1)
	return b
}

// P2WSH is the output script that pays to a witness script.
func P2WSH(witnessScript []byte) []byte {
	return appendP2WSH(make([]byte, 0, p2wshLen), witnessScript)
}

func appendP2WSH(b, witnessScript []byte) []byte {
	h := sha256.Sum256(witnessScript)
	return append(append(b, op0, opData32), h[:]...)
}

// P2WPKH is the output script that pays to a public key's hash.
func P2WPKH(key keys.PubKey) []byte {
	h := newHash160()
	b := append(make([]byte, 0, p2wpkhLen), op0, opData20)
	first := sha256.Sum256(key[:])
	return h.append(b, first[:])
}

// hash160 appends RIPEMD160 sums without an allocation for each.
type hash160 struct{ h hash.Hash }

func newHash160() hash160 { return hash160{ripemd160.New()} }

// append appends RIPEMD160(data); the caller has done the SHA256 before it.
func (r hash160) append(b, data []byte) []byte {
	r.h.Reset()
	r.h.Write(data)
	return r.h.Sum(b)
}

// FundingScript is the 2-of-2 witness script of the funding output; the order of the arguments
// does not matter (BOLT 3, Funding Transaction Output).
func FundingScript(a, b keys.PubKey) []byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	s := make([]byte, 0, 71)
	s = append(s, op2)
	s = appendKey(s, &a)
	s = appendKey(s, &b)
	return append(s, op2, opCheckMultisig)
}

// ToLocalScript is the witness script of to_local and of the HTLC transactions' outputs.
func ToLocalScript(revocation, delayed keys.PubKey, toSelfDelay block.Delta) []byte {
	s := make([]byte, 0, 79)
	s = append(s, opIf)
	s = appendKey(s, &revocation)
	s = append(s, opElse)
	s = appendNumber(s, uint32(toSelfDelay))
	s = append(s, opCheckSequenceVerify, opDrop)
	s = appendKey(s, &delayed)
	return append(s, opEndIf, opCheckSig)
}

// ToRemoteAnchorsScript is the witness script of to_remote with option_anchors.
func ToRemoteAnchorsScript(remote keys.PubKey) []byte {
	s := appendKey(make([]byte, 0, 37), &remote)
	return append(s, opCheckSigVerify, op1, opCheckSequenceVerify)
}

// ToRemotePkScript is the output script of to_remote.
func ToRemotePkScript(anchors bool, remote keys.PubKey) []byte {
	if anchors {
		return P2WSH(ToRemoteAnchorsScript(remote))
	}
	return P2WPKH(remote)
}

// AnchorScript is the witness script of the anchor that fundingKey can spend.
func AnchorScript(fundingKey keys.PubKey) []byte {
	s := appendKey(make([]byte, 0, 40), &fundingKey)
	return append(s, opCheckSig, opIfDup, opNotIf, op16, opCheckSequenceVerify, opEndIf)
}

// htlcScripts builds the witness scripts of one commitment's HTLC outputs. Only the payment hash
// and an expiry differ from one to the next, so the parts around them are made once.
type htlcScripts struct {
	ripemd  hash160
	start   []byte // up to and with the SIZE 32 EQUAL that tells a preimage from a signature
	success []byte // after the payment hash of a received HTLC
	timeout []byte // before the payment hash of an offered HTLC
	end     []byte
}

// maxHTLCScriptLen is that of a received HTLC with anchors and the longest expiry.
const maxHTLCScriptLen = 144

func newHTLCScripts(k *keys.CommitmentKeys, anchors bool) *htlcScripts {
	h := &htlcScripts{ripemd: newHash160()}
	revocation := sha256.Sum256(k.Revocation[:])
	h.start = append(h.start, opDup, opHash160, opData20)
	h.start = h.ripemd.append(h.start, revocation[:])
	h.start = append(h.start, opEqual, opIf, opCheckSig, opElse)
	h.start = appendKey(h.start, &k.OtherHTLC)
	h.start = append(h.start, opSwap, opSize, 1, 32, opEqual)

	h.success = appendKey([]byte{opEqualVerify, op2, opSwap}, &k.OwnerHTLC)
	h.success = append(h.success, op2, opCheckMultisig, opElse, opDrop)

	h.timeout = appendKey([]byte{opNotIf, opDrop, op2, opSwap}, &k.OwnerHTLC)
	h.timeout = append(h.timeout, op2, opCheckMultisig, opElse, opHash160, opData20)

	h.end = []byte{opEndIf, opEndIf}
	if anchors {
		h.end = []byte{opEndIf, op1, opCheckSequenceVerify, opDrop, opEndIf}
	}
	return h
}

// append appends the witness script of one HTLC's output.
func (h *htlcScripts) append(s []byte, htlc *HTLC) []byte {
	s = append(s, h.start...)
	if htlc.Offered {
		s = append(s, h.timeout...)
		s = h.ripemd.append(s, htlc.PaymentHash[:])
		s = append(s, opEqualVerify, opCheckSig)
	} else {
		s = append(s, opIf, opHash160, opData20)
		s = h.ripemd.append(s, htlc.PaymentHash[:])
		s = append(s, h.success...)
		s = appendNumber(s, uint32(htlc.CLTVExpiry))
		s = append(s, opCheckLockTimeVerify, opDrop, opCheckSig)
	}
	return append(s, h.end...)
}

// HTLCScript is the witness script of one HTLC's output in a commitment with keys k.
func HTLCScript(k *keys.CommitmentKeys, anchors bool, htlc *HTLC) []byte {
	return newHTLCScripts(k, anchors).append(make([]byte, 0, maxHTLCScriptLen), htlc)
}

// HTLCScripts makes the output scripts of many HTLCs of one commitment.
type HTLCScripts struct {
	scripts *htlcScripts
	scratch []byte
}

// NewHTLCScripts is for a commitment with keys k.
func NewHTLCScripts(k *keys.CommitmentKeys, anchors bool) *HTLCScripts {
	return &HTLCScripts{scripts: newHTLCScripts(k, anchors), scratch: make([]byte, 0, maxHTLCScriptLen)}
}

// PkScript is the output script of the HTLC.
func (s *HTLCScripts) PkScript(htlc *HTLC) []byte {
	s.scratch = s.scripts.append(s.scratch[:0], htlc)
	return P2WSH(s.scratch)
}

// P2PKHTemplate is what a signature for an output to the key's hash (P2WPKH) covers as the script (BIP
// 143).
func P2PKHTemplate(key keys.PubKey) []byte {
	first := sha256.Sum256(key[:])
	b := append(make([]byte, 0, 25), opDup, opHash160, opData20)
	b = newHash160().append(b, first[:])
	return append(b, opEqualVerify, opCheckSig)
}
