package onion

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"fulmen/internal/keys"
)

// hopKeys is a hop of testdata/onion-error-test.json.
type hopKeys struct {
	Pubkey          hexBytes
	HopSharedSecret hexBytes `json:"hop_shared_secret"`
	AmmagKey        hexBytes `json:"ammag_key"`
	UmKey           hexBytes `json:"um_key"`
	Payload         hexBytes
}

func checkKey(t *testing.T, keyType string, ss keys.Secret, want hexBytes) {
	t.Helper()
	if got := deriveKey(keyType, &ss); !bytes.Equal(got[:], want) {
		t.Errorf("%s key %x, want %x", keyType, got, []byte(want))
	}
}

func TestBOLT4OnionErrorTest(t *testing.T) {
	var v struct {
		Generate struct {
			SessionKey     hexBytes `json:"session_key"`
			FailureMessage hexBytes `json:"failure_message"`
			Hops           []hopKeys
		}
		ErrorPacket hexBytes
	}
	loadJSON(t, "onion-error-test.json", &v)
	var hops []Hop
	for _, h := range v.Generate.Hops {
		hops = append(hops, Hop{keys.PubKey(h.Pubkey), []byte{2, 0}})
	}
	_, secrets, err := Build(keys.Secret(v.Generate.SessionKey), hops, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range v.Generate.Hops {
		if !bytes.Equal(secrets[i][:], h.HopSharedSecret) {
			t.Errorf("hop %d: shared secret differs", i)
		}
		checkKey(t, keyAmmag, secrets[i], h.AmmagKey)
	}
	last := len(hops) - 1
	checkKey(t, keyUm, secrets[last], v.Generate.Hops[last].UmKey)

	packet := CreateFailure(secrets[last], v.Generate.FailureMessage)
	for i := last - 1; i >= 0; i-- {
		WrapFailure(secrets[i], packet)
	}
	if !bytes.Equal(packet, v.ErrorPacket) {
		t.Errorf("error packet %x\nwant %x", packet, []byte(v.ErrorPacket))
	}
	hop, msg, err := DecryptFailure(secrets, v.ErrorPacket)
	if err != nil || hop != last || !bytes.Equal(msg, v.Generate.FailureMessage) {
		t.Errorf("decrypted %x of hop %d, %v", msg, hop, err)
	}
}

func TestBOLT4ReturningErrors(t *testing.T) {
	var v struct {
		Payload        hexBytes
		UmKey          hexBytes   `json:"um_key"`
		RawErrorPacket hexBytes   `json:"raw_error_packet"`
		SharedSecrets  []hexBytes `json:"shared_secrets"` // from the erring node back
		AmmagKeys      []hexBytes `json:"ammag_keys"`
		Streams        []hexBytes
		ErrorPackets   []hexBytes `json:"error_packets"`
	}
	loadJSON(t, "bolt04-returning-errors.json", &v)
	// The payload is failure_len, message, pad_len and pad.
	const message = 2 + 8 + 4 + 3 + 3 + 300
	failure := v.Payload[2 : 2+message]
	padLen := len(v.Payload) - 2 - message - 2
	f, err := DecodeFailure(failure)
	if err != nil {
		t.Fatal(err)
	}
	want := &Failure{Code: IncorrectOrUnknownPaymentDetails, HTLCMsat: 100, Height: 800_000,
		Extra: append([]byte{0xfd, 0x84, 0xd1, 0xfd, 0x01, 0x2c}, bytes.Repeat([]byte{128}, 300)...)}
	if !reflect.DeepEqual(f, want) || !bytes.Equal(f.Encode(), failure) {
		t.Errorf("failure message %+v", f)
	}

	packet := createPadded(keys.Secret(v.SharedSecrets[0]), failure, padLen)
	checkKey(t, keyUm, keys.Secret(v.SharedSecrets[0]), v.UmKey)
	raw := bytes.Clone(packet)
	WrapFailure(keys.Secret(v.SharedSecrets[0]), raw)
	if !bytes.Equal(raw, v.RawErrorPacket) {
		t.Errorf("raw error packet %x\nwant %x", raw, []byte(v.RawErrorPacket))
	}
	for i, ss := range v.SharedSecrets {
		if i > 0 {
			WrapFailure(keys.Secret(ss), packet)
		}
		checkKey(t, keyAmmag, keys.Secret(ss), v.AmmagKeys[i])
		stream := make([]byte, len(packet))
		WrapFailure(keys.Secret(ss), stream)
		if !bytes.Equal(stream, v.Streams[i]) {
			t.Errorf("stream %d differs", i)
		}
		if !bytes.Equal(packet, v.ErrorPackets[i]) {
			t.Errorf("error packet %d differs", i)
		}
	}
	var secrets []keys.Secret
	for i := len(v.SharedSecrets) - 1; i >= 0; i-- {
		secrets = append(secrets, keys.Secret(v.SharedSecrets[i]))
	}
	hop, msg, err := DecryptFailure(secrets, packet)
	if err != nil || hop != 4 || !bytes.Equal(msg, failure) {
		t.Errorf("decrypted %x of hop %d, %v", msg, hop, err)
	}
}

func TestDecryptFailureAttributesEachHop(t *testing.T) {
	hops, _ := route(t, 20)
	_, secrets, err := Build(keys.Secret{1}, hops, nil)
	if err != nil {
		t.Fatal(err)
	}
	for erring := range secrets {
		want := (&Failure{Code: TemporaryChannelFailure}).Encode()
		packet := CreateFailure(secrets[erring], want)
		for i := erring - 1; i >= 0; i-- {
			WrapFailure(secrets[i], packet)
		}
		hop, msg, err := DecryptFailure(secrets, packet)
		if err != nil || hop != erring || !bytes.Equal(msg, want) {
			t.Errorf("hop %d: %x of hop %d, %v", erring, msg, hop, err)
		}
	}
}

func TestDecryptFailureUnattributed(t *testing.T) {
	secrets := []keys.Secret{{1}, {2}}
	packet := CreateFailure(secrets[0], []byte{0x20, 2})
	packet[40] ^= 1
	for _, p := range [][]byte{packet, packet[:33], nil} {
		if _, _, err := DecryptFailure(secrets, p); !errors.Is(err, ErrUnattributed) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

func TestDecryptFailureLength(t *testing.T) {
	ss := keys.Secret{1}
	packet := make([]byte, failureHeader+10)
	packet[macSize] = 0xff // failure_len far beyond the packet
	um := deriveKey(keyUm, &ss)
	sum := mac(um[:], packet[macSize:])
	copy(packet, sum[:])
	WrapFailure(ss, packet)
	if hop, msg, err := DecryptFailure([]keys.Secret{ss}, packet); err == nil || hop != 0 || msg != nil {
		t.Errorf("%x of hop %d, %v", msg, hop, err)
	}
}

func TestBOLT4FailureMessages(t *testing.T) {
	sha := [32]byte{1, 2, 3}
	update := []byte{0x01, 0x02, 0xaa}
	tests := []struct {
		hex  string
		want Failure
		name string
	}{
		{"2002", Failure{Code: TemporaryNodeFailure}, "WIRE_TEMPORARY_NODE_FAILURE"},
		{"6002", Failure{Code: PermanentNodeFailure}, "WIRE_PERMANENT_NODE_FAILURE"},
		{"6003", Failure{Code: RequiredNodeFeatureMissing}, "WIRE_REQUIRED_NODE_FEATURE_MISSING"},
		{"c004" + hex.EncodeToString(sha[:]), Failure{Code: InvalidOnionVersion, SHA256OfOnion: sha}, "WIRE_INVALID_ONION_VERSION"},
		{"c005" + hex.EncodeToString(sha[:]), Failure{Code: InvalidOnionHMAC, SHA256OfOnion: sha}, "WIRE_INVALID_ONION_HMAC"},
		{"c006" + hex.EncodeToString(sha[:]), Failure{Code: InvalidOnionKey, SHA256OfOnion: sha}, "WIRE_INVALID_ONION_KEY"},
		{"1007" + "0000", Failure{Code: TemporaryChannelFailure}, "WIRE_TEMPORARY_CHANNEL_FAILURE"},
		{"1007" + "00030102aa", Failure{Code: TemporaryChannelFailure, ChannelUpdate: update}, "WIRE_TEMPORARY_CHANNEL_FAILURE"},
		{"4008", Failure{Code: PermanentChannelFailure}, "WIRE_PERMANENT_CHANNEL_FAILURE"},
		{"4009", Failure{Code: RequiredChannelFeatureMissing}, "WIRE_REQUIRED_CHANNEL_FEATURE_MISSING"},
		{"400a", Failure{Code: UnknownNextPeer}, "WIRE_UNKNOWN_NEXT_PEER"},
		{"100b" + "0000000000000064" + "00030102aa", Failure{Code: AmountBelowMinimum, HTLCMsat: 100, ChannelUpdate: update}, "WIRE_AMOUNT_BELOW_MINIMUM"},
		{"100c" + "0000000000000064" + "0000", Failure{Code: FeeInsufficient, HTLCMsat: 100}, "WIRE_FEE_INSUFFICIENT"},
		{"100d" + "00000064" + "0000", Failure{Code: IncorrectCLTVExpiry, CLTVExpiry: 100}, "WIRE_INCORRECT_CLTV_EXPIRY"},
		{"100e" + "0000", Failure{Code: ExpiryTooSoon}, "WIRE_EXPIRY_TOO_SOON"},
		{"400f" + "0000000000000064" + "000c3500", Failure{Code: IncorrectOrUnknownPaymentDetails, HTLCMsat: 100, Height: 800_000},
			"WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS"},
		{"0012" + "00000064", Failure{Code: FinalIncorrectCLTVExpiry, CLTVExpiry: 100}, "WIRE_FINAL_INCORRECT_CLTV_EXPIRY"},
		{"0013" + "0000000000000064", Failure{Code: FinalIncorrectHTLCAmount, HTLCMsat: 100}, "WIRE_FINAL_INCORRECT_HTLC_AMOUNT"},
		{"1014" + "0001" + "0000", Failure{Code: ChannelDisabled, DisabledFlags: 1}, "WIRE_CHANNEL_DISABLED"},
		{"0015", Failure{Code: ExpiryTooFar}, "WIRE_EXPIRY_TOO_FAR"},
		{"4016" + "fd0100" + "0007", Failure{Code: InvalidOnionPayload, TLVType: 256, TLVOffset: 7}, "WIRE_INVALID_ONION_PAYLOAD"},
		{"0017", Failure{Code: MPPTimeout}, "WIRE_MPP_TIMEOUT"},
		{"c018" + hex.EncodeToString(sha[:]), Failure{Code: InvalidOnionBlinding, SHA256OfOnion: sha}, "WIRE_INVALID_ONION_BLINDING"},
		{"4999" + "0102", Failure{Code: 0x4999, Extra: []byte{1, 2}}, "INVALID 18841"},
	}
	for _, tt := range tests {
		msg, err := hex.DecodeString(tt.hex)
		if err != nil {
			t.Fatal(err)
		}
		f, err := DecodeFailure(msg)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := f.Encode(); !bytes.Equal(got, msg) {
			t.Errorf("%s: encoded %x, want %x", tt.name, got, msg)
		}
		if len(f.Extra) == 0 {
			f.Extra = nil
		}
		if len(f.ChannelUpdate) == 0 {
			f.ChannelUpdate = nil
		}
		if !reflect.DeepEqual(*f, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, *f, tt.want)
		}
		if f.Code.String() != tt.name {
			t.Errorf("name %s, want %s", f.Code, tt.name)
		}
		if _, known := codes[f.Code]; !known || len(codes[f.Code].fields) == 0 {
			continue
		}
		cut, err := DecodeFailure(msg[:len(msg)-1])
		if !errors.Is(err, errTruncated) || cut.Code != tt.want.Code {
			t.Errorf("%s cut short: %v", tt.name, err)
		}
	}
	if f, err := DecodeFailure([]byte{0x40, 22}); err != nil || f.Code != InvalidOnionPayload {
		t.Errorf("invalid_onion_payload without data: %v", err)
	}
	if _, err := DecodeFailure([]byte{0x40}); err == nil {
		t.Error("one byte decoded")
	}
}

func FuzzDecryptFailure(f *testing.F) {
	ss := keys.Secret{1}
	f.Add(CreateFailure(ss, []byte{0x20, 2}))
	f.Add(make([]byte, failureHeader))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		_, msg, err := DecryptFailure([]keys.Secret{{2}, ss}, packet)
		if err == nil && len(msg) > len(packet) {
			t.Error("message longer than its packet")
		}
		if !bytes.Equal(before, packet) {
			t.Error("the caller's packet was changed")
		}
	})
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add([]byte{0x10, 7, 0, 3, 1, 2, 3})
	f.Add([]byte{0x40, 22, 0xfd, 1, 0, 0, 7})
	f.Add((&Failure{Code: InvalidOnionHMAC}).Encode())
	f.Fuzz(func(t *testing.T, msg []byte) {
		failure, err := DecodeFailure(msg)
		if err != nil || failure.Code == InvalidOnionPayload && len(msg) == 2 {
			return
		}
		if got := failure.Encode(); !bytes.Equal(got, msg) {
			t.Errorf("%x encodes to %x", msg, got)
		}
	})
}
