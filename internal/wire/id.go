package wire

import (
	"encoding/hex"
	"fmt"
)

// ChannelID identifies a channel between two peers (BOLT 2, Definition of `channel_id`); it is the
// temporary_channel_id until the funding outpoint is known. All zeros means every channel.
type ChannelID [32]byte

// String is 64 hex digits.
func (c ChannelID) String() string { return hex.EncodeToString(c[:]) }

// IsZero reports whether c means every channel with the peer (BOLT 1, `error`).
func (c ChannelID) IsZero() bool { return c == ChannelID{} }

// NewChannelID derives the v1 channel_id: the funding txid (internal byte order) with its last two
// bytes XORed with the big-endian output index (BOLT 2, Definition of `channel_id`).
func NewChannelID(fundingTxid [32]byte, outputIndex uint16) ChannelID {
	c := ChannelID(fundingTxid)
	c[30] ^= byte(outputIndex >> 8)
	c[31] ^= byte(outputIndex)
	return c
}

// ShortChannelID is block height (24 bits), transaction index (24 bits) and output index (16 bits)
// of a funding output (BOLT 7, Definition of `short_channel_id`).
type ShortChannelID uint64

// NewShortChannelID packs height, transaction index and output index; each is cut to its field.
func NewShortChannelID(height, txIndex uint32, output uint16) ShortChannelID {
	return ShortChannelID(uint64(height&0xffffff)<<40 | uint64(txIndex&0xffffff)<<16 | uint64(output))
}

// Height is the block height of the funding transaction.
func (s ShortChannelID) Height() uint32 { return uint32(s >> 40) }

// TxIndex is the funding transaction's index within its block.
func (s ShortChannelID) TxIndex() uint32 { return uint32(s>>16) & 0xffffff }

// Output is the index of the funding output.
func (s ShortChannelID) Output() uint16 { return uint16(s) }

// String prints the human form, e.g. "539268x845x1".
func (s ShortChannelID) String() string {
	return fmt.Sprintf("%dx%dx%d", s.Height(), s.TxIndex(), s.Output())
}

// ParseShortChannelID reads the human form.
func ParseShortChannelID(text string) (ShortChannelID, error) {
	var height, tx, out uint32
	var rest string
	n, _ := fmt.Sscanf(text+" ", "%dx%dx%d%s", &height, &tx, &out, &rest)
	s := NewShortChannelID(height, tx, uint16(out))
	if n != 3 || s.String() != text {
		return 0, fmt.Errorf("short_channel_id %q: want BLOCKxTRANSACTIONxOUTPUT", text)
	}
	return s, nil
}
