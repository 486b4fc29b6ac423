package wire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// BOLT 4, Failure Messages.
func TestBOLT4FailureMessages(t *testing.T) {
	hash := [32]byte{1, 2}
	hashHex := "0102" + strings.Repeat("00", 30)
	for _, c := range []struct {
		name, raw string
		f         Failure
	}{
		{"temporary_node_failure", "2002", Failure{Code: FailTemporaryNodeFailure}},
		{"permanent_node_failure", "6002", Failure{Code: FailPermanentNodeFailure}},
		{"required_node_feature_missing", "6003", Failure{Code: FailRequiredNodeFeatureMissing}},
		{"invalid_onion_version", "c004" + hashHex, Failure{Code: FailInvalidOnionVersion, SHA256OfOnion: hash}},
		{"invalid_onion_hmac", "c005" + hashHex, Failure{Code: FailInvalidOnionHMAC, SHA256OfOnion: hash}},
		{"invalid_onion_key", "c006" + hashHex, Failure{Code: FailInvalidOnionKey, SHA256OfOnion: hash}},
		{"temporary_channel_failure", "10070000", Failure{Code: FailTemporaryChannelFailure}},
		{"temporary_channel_failure", "10070002abcd", Failure{Code: FailTemporaryChannelFailure, ChannelUpdate: []byte{0xab, 0xcd}}},
		{"permanent_channel_failure", "4008", Failure{Code: FailPermanentChannelFailure}},
		{"required_channel_feature_missing", "4009", Failure{Code: FailRequiredChannelFeatureMissing}},
		{"unknown_next_peer", "400a", Failure{Code: FailUnknownNextPeer}},
		{"amount_below_minimum", "100b00000000000000070000", Failure{Code: FailAmountBelowMinimum, HTLCMsat: 7}},
		{"fee_insufficient", "100c00000000000000070001ff", Failure{Code: FailFeeInsufficient, HTLCMsat: 7, ChannelUpdate: []byte{0xff}}},
		{"incorrect_cltv_expiry", "100d000001f40000", Failure{Code: FailIncorrectCLTVExpiry, CLTVExpiry: 500}},
		{"expiry_too_soon", "100e0000", Failure{Code: FailExpiryTooSoon}},
		{"incorrect_or_unknown_payment_details", "400f0000000000000064000c3500",
			Failure{Code: FailIncorrectOrUnknownPaymentDetails, HTLCMsat: 100, Height: 800000}},
		{"final_incorrect_cltv_expiry", "0012000001f4", Failure{Code: FailFinalIncorrectCLTVExpiry, CLTVExpiry: 500}},
		{"final_incorrect_htlc_amount", "00130000000000000007", Failure{Code: FailFinalIncorrectHTLCAmount, HTLCMsat: 7}},
		{"channel_disabled", "101400000000", Failure{Code: FailChannelDisabled}},
		{"expiry_too_far", "0015", Failure{Code: FailExpiryTooFar}},
		{"invalid_onion_payload", "4016fd01000003", Failure{Code: FailInvalidOnionPayload, RecordType: 256, RecordOffset: 3}},
		{"mpp_timeout", "0017", Failure{Code: FailMPPTimeout}},
		{"invalid_onion_blinding", "c018" + hashHex, Failure{Code: FailInvalidOnionBlinding, SHA256OfOnion: hash}},
		{"failure_0x4010", "4010", Failure{Code: FailPerm | 16}}, // no longer defined
	} {
		if got := c.f.Code.String(); got != c.name {
			t.Errorf("%s: is called %s", c.name, got)
		}
		if got := hex.EncodeToString(c.f.AppendTo(nil)); got != c.raw {
			t.Errorf("%s: encodes as %s, want %s", c.name, got, c.raw)
		}
		// BOLT 4, Receiving Failure Codes: extra bytes are ignored.
		for _, extra := range []string{"", "fd84d100"} {
			got, err := DecodeFailure(unhex(t, c.raw+extra))
			if err != nil || !reflect.DeepEqual(got, &c.f) {
				t.Errorf("%s: got %+v, %v", c.name, got, err)
			}
		}
		if raw := unhex(t, c.raw); len(raw) > 2 {
			if _, err := DecodeFailure(raw[:len(raw)-1]); err == nil || !strings.HasPrefix(err.Error(), c.name+": ") {
				t.Errorf("%s cut short: got %v", c.name, err)
			}
		}
	}
	if _, err := DecodeFailure([]byte{0x40}); err == nil {
		t.Error("decoded one byte")
	}
	if len(failures) != 22 {
		t.Errorf("have %d failures", len(failures))
	}
}

func TestFailureCodeFlags(t *testing.T) {
	if c := FailInvalidOnionHMAC; !c.Is(FailBadOnion) || !c.Is(FailPerm|FailBadOnion) || c.Is(FailPerm|FailNode) {
		t.Errorf("%s has the wrong flags", c)
	}
}

func FuzzDecodeFailure(f *testing.F) {
	for code := range failures {
		f.Add((&Failure{Code: code, RecordType: 300, ChannelUpdate: []byte{1, 2, 3}}).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		failure, err := DecodeFailure(raw)
		if err == nil && !bytes.HasPrefix(raw, failure.AppendTo(nil)) {
			t.Fatalf("%x encodes as %x", raw, failure.AppendTo(nil))
		}
	})
}
