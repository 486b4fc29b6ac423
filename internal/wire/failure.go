package wire

import (
	"encoding/binary"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// FailureCode is the type of a failure message (BOLT 4, Failure Messages).
type FailureCode uint16

// The flags in a FailureCode.
const (
	FailBadOnion FailureCode = 0x8000 // reported by the next node, which could not read the onion
	FailPerm     FailureCode = 0x4000 // trying again does not help
	FailNode     FailureCode = 0x2000 // the whole node, not one of its channels
	FailUpdate   FailureCode = 0x1000 // against a parameter of the channel's channel_update
)

// The failures that BOLT 4 defines.
const (
	FailTemporaryNodeFailure             = FailNode | 2
	FailPermanentNodeFailure             = FailPerm | FailNode | 2
	FailRequiredNodeFeatureMissing       = FailPerm | FailNode | 3
	FailInvalidOnionVersion              = FailBadOnion | FailPerm | 4
	FailInvalidOnionHMAC                 = FailBadOnion | FailPerm | 5
	FailInvalidOnionKey                  = FailBadOnion | FailPerm | 6
	FailTemporaryChannelFailure          = FailUpdate | 7
	FailPermanentChannelFailure          = FailPerm | 8
	FailRequiredChannelFeatureMissing    = FailPerm | 9
	FailUnknownNextPeer                  = FailPerm | 10
	FailAmountBelowMinimum               = FailUpdate | 11
	FailFeeInsufficient                  = FailUpdate | 12
	FailIncorrectCLTVExpiry              = FailUpdate | 13
	FailExpiryTooSoon                    = FailUpdate | 14
	FailIncorrectOrUnknownPaymentDetails = FailPerm | 15
	FailFinalIncorrectCLTVExpiry         = FailureCode(18)
	FailFinalIncorrectHTLCAmount         = FailureCode(19)
	FailChannelDisabled                  = FailUpdate | 20
	FailExpiryTooFar                     = FailureCode(21)
	FailInvalidOnionPayload              = FailPerm | 22
	FailMPPTimeout                       = FailureCode(23)
	FailInvalidOnionBlinding             = FailBadOnion | FailPerm | 24
)

// failures has the name and the data fields, in order, of each failure.
var failures = map[FailureCode]struct {
	name   string
	fields []failureField
}{
	FailTemporaryNodeFailure:             {"temporary_node_failure", nil},
	FailPermanentNodeFailure:             {"permanent_node_failure", nil},
	FailRequiredNodeFeatureMissing:       {"required_node_feature_missing", nil},
	FailInvalidOnionVersion:              {"invalid_onion_version", []failureField{onionHash}},
	FailInvalidOnionHMAC:                 {"invalid_onion_hmac", []failureField{onionHash}},
	FailInvalidOnionKey:                  {"invalid_onion_key", []failureField{onionHash}},
	FailTemporaryChannelFailure:          {"temporary_channel_failure", []failureField{channelUpdate}},
	FailPermanentChannelFailure:          {"permanent_channel_failure", nil},
	FailRequiredChannelFeatureMissing:    {"required_channel_feature_missing", nil},
	FailUnknownNextPeer:                  {"unknown_next_peer", nil},
	FailAmountBelowMinimum:               {"amount_below_minimum", []failureField{htlcMsat, channelUpdate}},
	FailFeeInsufficient:                  {"fee_insufficient", []failureField{htlcMsat, channelUpdate}},
	FailIncorrectCLTVExpiry:              {"incorrect_cltv_expiry", []failureField{cltvExpiry, channelUpdate}},
	FailExpiryTooSoon:                    {"expiry_too_soon", []failureField{channelUpdate}},
	FailIncorrectOrUnknownPaymentDetails: {"incorrect_or_unknown_payment_details", []failureField{htlcMsat, height}},
	FailFinalIncorrectCLTVExpiry:         {"final_incorrect_cltv_expiry", []failureField{cltvExpiry}},
	FailFinalIncorrectHTLCAmount:         {"final_incorrect_htlc_amount", []failureField{htlcMsat}},
	FailChannelDisabled:                  {"channel_disabled", []failureField{disabledFlags, channelUpdate}},
	FailExpiryTooFar:                     {"expiry_too_far", nil},
	FailInvalidOnionPayload:              {"invalid_onion_payload", []failureField{recordType, recordOffset}},
	FailMPPTimeout:                       {"mpp_timeout", nil},
	FailInvalidOnionBlinding:             {"invalid_onion_blinding", []failureField{onionHash}},
}

// String is the BOLT's name, e.g. "unknown_next_peer", or e.g. "failure_0x400f".
func (c FailureCode) String() string {
	if f, ok := failures[c]; ok {
		return f.name
	}
	return fmt.Sprintf("failure_%#04x", uint16(c))
}

// Is reports whether all the given flags are set.
func (c FailureCode) Is(flags FailureCode) bool { return c&flags == flags }

// Failure is a failure message. Only the fields that go with Code are encoded; the others are zero
// after decoding.
type Failure struct {
	Code          FailureCode
	SHA256OfOnion [32]byte     // the BADONION codes
	HTLCMsat      amount.Msat  // also incoming_htlc_amt of final_incorrect_htlc_amount
	CLTVExpiry    block.Height // incorrect_cltv_expiry, final_incorrect_cltv_expiry
	Height        block.Height // incorrect_or_unknown_payment_details
	DisabledFlags uint16       // channel_disabled
	RecordType    uint64       // invalid_onion_payload: the TLV record at fault
	RecordOffset  uint16       // and where in the payload it starts
	ChannelUpdate []byte       // the UPDATE codes: a raw channel_update, mostly empty nowadays
}

// AppendTo appends the encoded failure to dst. The channel_update must fit a message.
func (f *Failure) AppendTo(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Code))
	for _, field := range failures[f.Code].fields {
		dst = field.appendTo(dst, f)
	}
	return dst
}

// DecodeFailure reads a failure message. Bytes after the fields are ignored (BOLT 4, Receiving
// Failure Codes), as are all fields of a code that we do not know.
func DecodeFailure(b []byte) (*Failure, error) {
	r := newReader("failure message", b)
	f := &Failure{Code: FailureCode(r.u16("failure_code"))}
	if r.err == nil {
		r.message = f.Code.String()
	}
	for _, field := range failures[f.Code].fields {
		field.decode(&r, f)
	}
	return f, r.result()
}
