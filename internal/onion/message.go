package onion

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// Failure is a failure message. Only the fields that its code has are meaningful.
type Failure struct {
	Code          FailureCode
	SHA256OfOnion [32]byte     // codes with BadOnion
	HTLCMsat      amount.Msat  // htlc_msat, or incoming_htlc_amt
	CLTVExpiry    block.Height // cltv_expiry
	Height        block.Height // the best height of the final node
	DisabledFlags uint16
	ChannelUpdate []byte // may be empty
	TLVType       uint64 // invalid_onion_payload: which record
	TLVOffset     uint16
	Extra         []byte // what follows: a TLV stream, or all data of an unknown code
}

// field is one piece of the data of a failure message.
type field uint8

const (
	fieldSHA256 field = iota
	fieldHTLCMsat
	fieldCLTVExpiry
	fieldHeight
	fieldDisabledFlags
	fieldChannelUpdate
	fieldTLV
)

var errTruncated = errors.New("truncated")

// Encode is the failuremsg: code, data and the rest.
func (f *Failure) Encode() []byte {
	msg := binary.BigEndian.AppendUint16(nil, uint16(f.Code))
	for _, part := range codes[f.Code].fields {
		msg = f.appendField(msg, part)
	}
	return append(msg, f.Extra...)
}

func (f *Failure) appendField(msg []byte, part field) []byte {
	be := binary.BigEndian
	switch part {
	case fieldSHA256:
		return append(msg, f.SHA256OfOnion[:]...)
	case fieldHTLCMsat:
		return be.AppendUint64(msg, uint64(f.HTLCMsat))
	case fieldCLTVExpiry:
		return be.AppendUint32(msg, uint32(f.CLTVExpiry))
	case fieldHeight:
		return be.AppendUint32(msg, uint32(f.Height))
	case fieldDisabledFlags:
		return be.AppendUint16(msg, f.DisabledFlags)
	case fieldChannelUpdate:
		return append(be.AppendUint16(msg, uint16(len(f.ChannelUpdate))), f.ChannelUpdate...)
	case fieldTLV:
		return be.AppendUint16(appendBigSize(msg, f.TLVType), f.TLVOffset)
	}
	panic(fmt.Sprintf("onion: unknown field %d", part))
}

// DecodeFailure reads a failure message. An unknown code is no error. When the data of a known code is
// cut short, the Failure is returned too, because the code alone is of use.
func DecodeFailure(msg []byte) (*Failure, error) {
	if len(msg) < 2 {
		return nil, fmt.Errorf("failure message of %d bytes, at least 2", len(msg))
	}
	f := &Failure{Code: FailureCode(binary.BigEndian.Uint16(msg))}
	data := msg[2:]
	if f.Code == InvalidOnionPayload && len(data) == 0 {
		return f, nil // the erring node may leave out which record it was
	}
	for _, part := range codes[f.Code].fields {
		n := f.readField(data, part)
		if n == 0 {
			return f, fmt.Errorf("failure message %s: %w at byte %d", f.Code.BOLTName(), errTruncated, len(msg)-len(data))
		}
		data = data[n:]
	}
	f.Extra = data
	return f, nil
}

// readField returns the number of bytes read, 0 if the field is cut short.
func (f *Failure) readField(data []byte, part field) int {
	be := binary.BigEndian
	switch {
	case part == fieldSHA256 && len(data) >= 32:
		f.SHA256OfOnion = [32]byte(data)
		return 32
	case part == fieldHTLCMsat && len(data) >= 8:
		f.HTLCMsat = amount.Msat(be.Uint64(data))
		return 8
	case part == fieldCLTVExpiry && len(data) >= 4:
		f.CLTVExpiry = block.Height(be.Uint32(data))
		return 4
	case part == fieldHeight && len(data) >= 4:
		f.Height = block.Height(be.Uint32(data))
		return 4
	case part == fieldDisabledFlags && len(data) >= 2:
		f.DisabledFlags = be.Uint16(data)
		return 2
	case part == fieldChannelUpdate && len(data) >= 2:
		n := 2 + int(be.Uint16(data))
		if n > len(data) {
			return 0
		}
		f.ChannelUpdate = data[2:n:n]
		return n
	case part == fieldTLV:
		typ, n := readBigSize(data)
		if n == 0 || len(data) < n+2 {
			return 0
		}
		f.TLVType, f.TLVOffset = typ, be.Uint16(data[n:])
		return n + 2
	}
	return 0
}
