package wire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// The payloads of BOLT 4's onion-test.json, without the length in front.
func TestBOLT4OnionTestPayloads(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want PaymentPayload
	}{
		{"02023a98040205dc06080000000000000001", PaymentPayload{
			AmtToForward: new(amount.Msat(15000)), OutgoingCLTVValue: new(block.Height(1500)), ShortChannelID: new(ShortChannelID(1))}},
		{"020236b00402057806080000000000000002fd02013c0102030405060708090a0b0c0d0e0f0102030405060708090a0b0c0d0e0f0102030405060708090a0b0c0d0e0f0102030405060708090a0b0c0d0e0f", PaymentPayload{
			AmtToForward: new(amount.Msat(14000)), OutgoingCLTVValue: new(block.Height(1400)), ShortChannelID: new(ShortChannelID(2)),
			Unknown: []Record{{0x201, bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 4)}}}},
		{"02022710040203e8082224a33562c54507a9334e79f0dc4f17d407e6d7c61f0e2f3d0d38599502f617042710", PaymentPayload{
			AmtToForward: new(amount.Msat(10000)), OutgoingCLTVValue: new(block.Height(1000)),
			PaymentData: &PaymentData{[32]byte(unhex(t, "24a33562c54507a9334e79f0dc4f17d407e6d7c61f0e2f3d0d38599502f61704")), 10000}}},
	} {
		var got PaymentPayload
		if err := got.DecodeTLVs(unhex(t, c.raw)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v", c.raw, got, err)
		}
		if encoded := hex.EncodeToString(c.want.AppendTLVs(nil)); encoded != c.raw {
			t.Errorf("encodes as %s, want %s", encoded, c.raw)
		}
	}
}

// BOLT 4, Failure Messages, invalid_onion_payload: the sender may be told the record's type and
// where it starts.
func TestPayloadErrorSaysWhichRecord(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		typ       uint64
		offset    int
	}{
		{"0201010402000106080000000000000001", "payload: outgoing_cltv_value: outgoing_cltv_value: not minimal", 4, 3},
		{"0201011400", "payload: unknown even tlv type 20", 20, 3},
		{"04010102", "payload: tlv type 2 after 4", 2, 3},
		{"0201", "payload: tlv type 2: length 1, have 0 bytes", 2, 0},
	} {
		var p PaymentPayload
		err, _ := p.DecodeTLVs(unhex(t, c.raw)).(*DecodeError)
		if err == nil || err.Error() != c.want || err.RecordType != c.typ || err.Offset != c.offset {
			t.Errorf("%s: got %+v, want %q about type %d at %d", c.raw, err, c.want, c.typ, c.offset)
		}
	}
}

func TestPayloadKeepsUnknownRecordsInOrder(t *testing.T) {
	raw := unhex(t, "010102"+"020105"+"0300"+"1101ff"+"120107"+"fe000100010142")
	var p PaymentPayload
	if err := p.DecodeTLVs(raw); err != nil {
		t.Fatal(err)
	}
	if len(p.Unknown) != 4 {
		t.Errorf("got unknown records %v", p.Unknown)
	}
	if got := p.AppendTLVs(nil); !bytes.Equal(got, raw) {
		t.Errorf("encodes as %x, want %x", got, raw)
	}
}

func FuzzPaymentPayload(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(unhex(f, "02022710040203e8082224a33562c54507a9334e79f0dc4f17d407e6d7c61f0e2f3d0d38599502f617042710"))
	f.Add(unhex(f, "010102020105030011"+"01ff120107fe000100010142"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p PaymentPayload
		if p.DecodeTLVs(raw) != nil {
			return
		}
		if got := p.AppendTLVs(nil); !bytes.Equal(got, raw) {
			t.Fatalf("%x encodes as %x", raw, got)
		}
	})
}
