package onion

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"fulmen/internal/wire"
)

func TestBOLT4PayloadsOfOnionTest(t *testing.T) {
	hops := loadPacketVector(t).hops(t)
	scid := wire.ShortChannelID(1)
	want := &Payload{AmtToForward: 15000, OutgoingCLTVValue: 1500, ShortChannelID: &scid}
	got, err := DecodePayload(hops[0].Payload, false)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("first hop: %+v, %v", got, err)
	}
	for i, hop := range hops {
		final := i == len(hops)-1
		p, err := DecodePayload(hop.Payload, final)
		if err != nil {
			t.Errorf("hop %d: %v", i, err)
			continue
		}
		if got := p.Encode(); !bytes.Equal(got, hop.Payload) {
			t.Errorf("hop %d: encoded %x, want %x", i, got, hop.Payload)
		}
		if final && (p.PaymentData == nil || p.PaymentData.TotalMsat != 10000) {
			t.Errorf("final hop: %+v", p)
		}
	}
}

func TestPayloadRoundTrip(t *testing.T) {
	want := &Payload{
		AmtToForward: 1<<63 + 5, OutgoingCLTVValue: 0,
		PaymentData:     &PaymentData{PaymentSecret: [32]byte{9}, TotalMsat: 0},
		PaymentMetadata: []byte{},
		Custom:          []Record{{Type: 5, Value: []byte{1}}, {Type: 5482373485, Value: make([]byte, 300)}},
	}
	got, err := DecodePayload(want.Encode(), true)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodePayloadRefuses(t *testing.T) {
	tests := []struct {
		name   string
		hex    string
		final  bool
		typ    uint64
		offset uint16
	}{
		{"no amt_to_forward", "040105", true, 2, 0},
		{"no outgoing_cltv_value", "020105", true, 4, 0},
		{"no short_channel_id", "020105" + "040105", false, 6, 0},
		{"unknown even type", "020105" + "040105" + "0a00", true, 10, 6},
		{"out of order", "040105" + "020105", true, 2, 3},
		{"twice", "020105" + "020105", true, 2, 3},
		{"amount not minimal", "02020005", true, 2, 0},
		{"amount too long", "0209010203040506070809", true, 2, 0},
		{"cltv too long", "020105" + "04050102030405", true, 4, 3},
		{"value beyond the end", "0205010203", true, 2, 0},
		{"length huge", "02ffffffffffffffffff", true, 2, 0},
		{"length cut", "02fd01", true, 2, 0},
		{"type not minimal", "fd0002" + "0105", true, 0, 0},
		{"type cut", "020105" + "fd", true, 0, 3},
		{"short_channel_id of 7 bytes", "020105" + "040105" + "060701020304050607", false, 6, 6},
		{"payment_data of 31 bytes", "020105" + "040105" + "081f" + "00010203040506070809000102030405060708090001020304050607080900", true, 8, 6},
	}
	for _, tt := range tests {
		stream, err := hex.DecodeString(tt.hex)
		if err != nil {
			t.Fatal(err)
		}
		_, err = DecodePayload(stream, tt.final)
		var fault *PayloadError
		if !errors.As(err, &fault) || fault.Type != tt.typ || fault.Offset != tt.offset {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if f := fault.Failure(); f.Code != InvalidOnionPayload || f.TLVType != tt.typ || f.TLVOffset != tt.offset {
			t.Errorf("%s: failure %+v", tt.name, f)
		}
	}
}

func FuzzDecodePayload(f *testing.F) {
	for _, hop := range loadPacketVector(f).hops(f) {
		f.Add(hop.Payload, true)
		f.Add(hop.Payload, false)
	}
	f.Add([]byte{2, 1, 5, 4, 1, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, true)
	f.Fuzz(func(t *testing.T, stream []byte, final bool) {
		p, err := DecodePayload(stream, final)
		if err != nil {
			return
		}
		if got := p.Encode(); !bytes.Equal(got, stream) {
			t.Errorf("%x encodes to %x", stream, got)
		}
	})
}
