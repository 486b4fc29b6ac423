package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/keys"
)

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	update := &UpdateAddHTLC{ID: 7, AmountMsat: 1000, CLTVExpiry: 500, BlindedPath: &keys.PubKey{2, 1}}
	update.ChannelID[0], update.OnionRoutingPacket[1365] = 1, 9
	for _, m := range []Message{
		update,
		&Init{Features: []byte{0x22}, Networks: [][32]byte{{1}, {2}}},
		&CommitmentSigned{HTLCSignature: []keys.Signature{{1}, {2}}},
		&OpenChannel2{RequireConfirmedInputs: true, FundingPubkey: keys.PubKey{2}, RevocationBasepoint: keys.PubKey{3},
			PaymentBasepoint: keys.PubKey{2}, DelayedPaymentBasepoint: keys.PubKey{2}, HTLCBasepoint: keys.PubKey{2},
			FirstPerCommitmentPoint: keys.PubKey{2}, SecondPerCommitmentPoint: keys.PubKey{2}},
		&TxSignatures{Witnesses: []Witness{{[]byte{1}}, {}}},
		&SpliceInit{FundingContributionSatoshis: -5, FundingPubkey: keys.PubKey{2}},
	} {
		got, err := Decode(Encode(m))
		if err != nil {
			t.Fatalf("%s: %v", m.Type(), err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %+v, want %+v", m.Type(), got, m)
		}
	}
}

func TestDecodeNamesMessageAndField(t *testing.T) {
	point := "02" + strings.Repeat("00", 32)
	for _, c := range []struct{ name, hex, want string }{
		{"no type", "01", "message: type: want 2 bytes, have 1"},
		{"short field", "0086" + strings.Repeat("00", 34), "update_fee: feerate_per_kw: want 4 bytes, have 2"},
		{"short bytes", "0011" + strings.Repeat("00", 32) + "000501", "error: data: want 5 bytes, have 1"},
		{"count beyond the end", "0084" + strings.Repeat("00", 96) + "ffff" + strings.Repeat("00", 64),
			"commitment_signed: htlc_signature: want 65535 times 64 bytes, have 64"},
		{"not a point", "0085" + strings.Repeat("00", 97), "revoke_and_ack: next_per_commitment_point: not a compressed point"},
		{"short record", "0024" + strings.Repeat("00", 32) + point + "010400000000",
			"channel_ready: short_channel_id: alias: want 8 bytes, have 4"},
		{"long record", "0024" + strings.Repeat("00", 32) + point + "0109000000000000000000",
			"channel_ready: short_channel_id: 1 bytes too long"},
		{"records out of order", "001000000000" + "0300" + "0100", "init: tlv type 1 after 3"},
		{"unknown even record", "001000000000" + "1400", "init: unknown even tlv type 20"},
		{"record beyond the end", "001000000000" + "0501", "init: tlv type 5: length 1, have 0 bytes"},
		{"list with a rest", "00100000000001" + "21" + strings.Repeat("00", 33), "init: networks: chains: want a multiple of 32 bytes, have 33"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = Decode(raw); err == nil || err.Error() != c.want {
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

func TestDecodeUnknownType(t *testing.T) {
	for _, c := range []struct {
		raw    []byte
		ignore bool
	}{{[]byte{0x80, 0x01, 5}, true}, {[]byte{0x80, 0x02}, false}} {
		_, err := Decode(c.raw)
		var unknown *UnknownMessageError
		if !errors.As(err, &unknown) || unknown.MayIgnore() != c.ignore {
			t.Errorf("%x: got %v, want an unknown type that may be ignored: %v", c.raw, err, c.ignore)
		}
	}
}

// BOLT 1, Lightning Message Format: a receiver may ignore what follows the known fields.
func TestDecodeIgnoresWhatFollowsWithoutExtension(t *testing.T) {
	raw := append(Encode(&UpdateFee{FeeratePerKw: 253}), 0xff, 0xff)
	m, err := Decode(raw)
	if err != nil || m.(*UpdateFee).FeeratePerKw != 253 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestDecodeRefusesTooLargeMessage(t *testing.T) {
	raw := append(Encode(&UpdateFee{}), make([]byte, MaxMessage)...)
	if _, err := Decode(raw); err == nil {
		t.Error("decoded")
	}
}

func TestEncodePanicsOverMaxMessage(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Encode(&Warning{Data: make([]byte, MaxMessage)})
}

func TestDecodeKeepsNoReference(t *testing.T) {
	raw := Encode(&Shutdown{ScriptPubkey: []byte{1, 2, 3}})
	m, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if got := m.(*Shutdown).ScriptPubkey; !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("got %x after the buffer was cleared", got)
	}
}

func TestChannelIDOf(t *testing.T) {
	id := ChannelID{1, 2, 3}
	for _, m := range []Message{
		&OpenChannel{TemporaryChannelID: id}, &OpenChannel2{TemporaryChannelID: id}, &AcceptChannel{TemporaryChannelID: id},
		&FundingCreated{TemporaryChannelID: id}, &UpdateAddHTLC{ChannelID: id}, &AnnouncementSignatures{ChannelID: id},
		&ChannelReestablish{ChannelID: id}, &Error{ChannelID: id}, &Warning{ChannelID: id},
	} {
		raw := Encode(m)
		if got, ok := ChannelIDOf(raw); !ok || got != id {
			t.Errorf("%s: got %s, %v", m.Type(), got, ok)
		}
		if _, ok := ChannelIDOf(raw[:33]); ok {
			t.Errorf("%s: found a channel id in 33 bytes", m.Type())
		}
	}
	for _, m := range []Message{&Ping{}, &ChannelUpdate{}, &Init{}} {
		if _, ok := ChannelIDOf(append(Encode(m), make([]byte, 100)...)); ok {
			t.Errorf("%s: found a channel id", m.Type())
		}
	}
}

func TestKindsOfMessages(t *testing.T) {
	for typ, want := range map[MessageType]struct{ channel, gossip bool }{
		MsgOpenChannel: {channel: true}, MsgStfu: {channel: true}, MsgAnnouncementSignatures: {channel: true},
		MsgUpdateAddHTLC: {channel: true}, MsgError: {}, MsgWarning: {}, MsgPing: {}, MsgInit: {}, MsgOnionMessage: {},
		MsgChannelAnnouncement: {gossip: true}, MsgGossipTimestampFilter: {gossip: true}, 40001: {},
	} {
		if IsChannelMessage(typ) != want.channel || IsGossip(typ) != want.gossip {
			t.Errorf("%s: channel %v, gossip %v", typ, IsChannelMessage(typ), IsGossip(typ))
		}
	}
}
