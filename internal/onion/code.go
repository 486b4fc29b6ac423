package onion

import (
	"fmt"
	"strings"
)

// FailureCode says what went wrong at some hop; its top byte is flags (BOLT 4, Failure Messages).
type FailureCode uint16

// The flags of a FailureCode.
const (
	BadOnion FailureCode = 0x8000 // the packet could not be parsed
	Perm     FailureCode = 0x4000 // will not go away
	Node     FailureCode = 0x2000 // concerns the node, otherwise one channel
	Update   FailureCode = 0x1000 // a forwarding parameter of the channel was violated
)

// The failure codes of BOLT 4.
const (
	TemporaryNodeFailure             = Node | 2
	PermanentNodeFailure             = Perm | Node | 2
	RequiredNodeFeatureMissing       = Perm | Node | 3
	InvalidOnionVersion              = BadOnion | Perm | 4
	InvalidOnionHMAC                 = BadOnion | Perm | 5
	InvalidOnionKey                  = BadOnion | Perm | 6
	TemporaryChannelFailure          = Update | 7
	PermanentChannelFailure          = Perm | 8
	RequiredChannelFeatureMissing    = Perm | 9
	UnknownNextPeer                  = Perm | 10
	AmountBelowMinimum               = Update | 11
	FeeInsufficient                  = Update | 12
	IncorrectCLTVExpiry              = Update | 13
	ExpiryTooSoon                    = Update | 14
	IncorrectOrUnknownPaymentDetails = Perm | 15
	FinalIncorrectCLTVExpiry         = FailureCode(18)
	FinalIncorrectHTLCAmount         = FailureCode(19)
	ChannelDisabled                  = Update | 20
	ExpiryTooFar                     = FailureCode(21)
	InvalidOnionPayload              = Perm | 22
	MPPTimeout                       = FailureCode(23)
	InvalidOnionBlinding             = BadOnion | Perm | 24
)

// codeInfo is the name and the layout of the data of one code.
type codeInfo struct {
	name   string
	fields []field
}

var codes = map[FailureCode]codeInfo{
	TemporaryNodeFailure:             {"temporary_node_failure", nil},
	PermanentNodeFailure:             {"permanent_node_failure", nil},
	RequiredNodeFeatureMissing:       {"required_node_feature_missing", nil},
	InvalidOnionVersion:              {"invalid_onion_version", []field{fieldSHA256}},
	InvalidOnionHMAC:                 {"invalid_onion_hmac", []field{fieldSHA256}},
	InvalidOnionKey:                  {"invalid_onion_key", []field{fieldSHA256}},
	TemporaryChannelFailure:          {"temporary_channel_failure", []field{fieldChannelUpdate}},
	PermanentChannelFailure:          {"permanent_channel_failure", nil},
	RequiredChannelFeatureMissing:    {"required_channel_feature_missing", nil},
	UnknownNextPeer:                  {"unknown_next_peer", nil},
	AmountBelowMinimum:               {"amount_below_minimum", []field{fieldHTLCMsat, fieldChannelUpdate}},
	FeeInsufficient:                  {"fee_insufficient", []field{fieldHTLCMsat, fieldChannelUpdate}},
	IncorrectCLTVExpiry:              {"incorrect_cltv_expiry", []field{fieldCLTVExpiry, fieldChannelUpdate}},
	ExpiryTooSoon:                    {"expiry_too_soon", []field{fieldChannelUpdate}},
	IncorrectOrUnknownPaymentDetails: {"incorrect_or_unknown_payment_details", []field{fieldHTLCMsat, fieldHeight}},
	FinalIncorrectCLTVExpiry:         {"final_incorrect_cltv_expiry", []field{fieldCLTVExpiry}},
	FinalIncorrectHTLCAmount:         {"final_incorrect_htlc_amount", []field{fieldHTLCMsat}},
	ChannelDisabled:                  {"channel_disabled", []field{fieldDisabledFlags, fieldChannelUpdate}},
	ExpiryTooFar:                     {"expiry_too_far", nil},
	InvalidOnionPayload:              {"invalid_onion_payload", []field{fieldTLV}},
	MPPTimeout:                       {"mpp_timeout", nil},
	InvalidOnionBlinding:             {"invalid_onion_blinding", []field{fieldSHA256}},
}

// BOLTName is the name in BOLT 4, or the number of an unknown code.
func (c FailureCode) BOLTName() string {
	if info, known := codes[c]; known {
		return info.name
	}
	return fmt.Sprintf("failure_code %#04x", uint16(c))
}

// String is the name that operators know, as in `failcodename`.
func (c FailureCode) String() string {
	if info, known := codes[c]; known {
		return "WIRE_" + strings.ToUpper(info.name)
	}
	return fmt.Sprintf("INVALID %d", uint16(c))
}
