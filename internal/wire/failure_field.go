package wire

import (
	"encoding/binary"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// failureField is one data field of a failure message.
type failureField int

const (
	onionHash     failureField = iota // sha256_of_onion
	htlcMsat                          // htlc_msat, incoming_htlc_amt
	cltvExpiry                        // cltv_expiry
	height                            // height
	disabledFlags                     // disabled_flags
	recordType                        // type
	recordOffset                      // offset
	channelUpdate                     // len, channel_update
)

func (field failureField) appendTo(dst []byte, f *Failure) []byte {
	switch field {
	case onionHash:
		return append(dst, f.SHA256OfOnion[:]...)
	case htlcMsat:
		return binary.BigEndian.AppendUint64(dst, uint64(f.HTLCMsat))
	case cltvExpiry:
		return binary.BigEndian.AppendUint32(dst, uint32(f.CLTVExpiry))
	case height:
		return binary.BigEndian.AppendUint32(dst, uint32(f.Height))
	case disabledFlags:
		return binary.BigEndian.AppendUint16(dst, f.DisabledFlags)
	case recordType:
		return AppendBigSize(dst, f.RecordType)
	case recordOffset:
		return binary.BigEndian.AppendUint16(dst, f.RecordOffset)
	default: // channelUpdate
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.ChannelUpdate)))
		return append(dst, f.ChannelUpdate...)
	}
}

func (field failureField) decode(r *reader, f *Failure) {
	switch field {
	case onionHash:
		r.fill(f.SHA256OfOnion[:], "sha256_of_onion")
	case htlcMsat:
		f.HTLCMsat = amount.Msat(r.u64("htlc_msat"))
	case cltvExpiry:
		f.CLTVExpiry = block.Height(r.u32("cltv_expiry"))
	case height:
		f.Height = block.Height(r.u32("height"))
	case disabledFlags:
		f.DisabledFlags = r.u16("disabled_flags")
	case recordType:
		f.RecordType = r.bigSize("type")
	case recordOffset:
		f.RecordOffset = r.u16("offset")
	case channelUpdate:
		f.ChannelUpdate = r.bytes(int(r.u16("len")), "channel_update")
	}
}
