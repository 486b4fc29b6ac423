package wire

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"testing"

	"fulmen/internal/block"
)

// queryVector is one entry of extended-queries.json.
type queryVector struct {
	Hex string
	Msg struct {
		Type                          string
		FirstBlockNum, NumberOfBlocks uint32
		Complete                      byte
		ShortChannelIDs               struct {
			Array    []string
			Encoding string
		}
		Timestamps struct {
			Timestamps []struct{ Timestamp1, Timestamp2 uint32 }
			Encoding   string
		}
		Checksums struct {
			Checksums []struct{ Checksum1, Checksum2 uint32 }
		}
		TLVStream struct{ Records []any }
	}
}

// Zlib, encoding 1, must not be used any more (BOLT 7, Query Messages): such a vector decodes as a
// message, and its arrays are refused.
func TestBOLT7ExtendedQueries(t *testing.T) {
	var vectors []queryVector
	readJSON(t, "bolt7_extended_queries.json", &vectors)
	for _, v := range vectors {
		raw := unhex(t, v.Hex)
		m, err := Decode(raw)
		if err != nil {
			t.Errorf("%s: %v", v.Hex, err)
			continue
		}
		if got := Encode(m); !bytes.Equal(got, raw) {
			t.Errorf("%s: encodes as %x", v.Hex, got)
		}
		switch m := m.(type) {
		case *QueryChannelRange:
			v.checkRange(t, m.FirstBlocknum, m.NumberOfBlocks)
			if want := len(v.Msg.TLVStream.Records); want > 0 && (m.QueryOption == nil || *m.QueryOption != QueryOptionTimestamps|QueryOptionChecksums) {
				t.Errorf("%s: got query_option %v", v.Hex, m.QueryOption)
			}
		case *ReplyChannelRange:
			v.checkRange(t, m.FirstBlocknum, m.NumberOfBlocks)
			v.checkIDs(t, m.EncodedShortIDs)
			v.checkTimestamps(t, m.TimestampsTLV)
			v.checkChecksums(t, m.ChecksumsTLV)
			if m.SyncComplete != v.Msg.Complete {
				t.Errorf("%s: got sync_complete %d", v.Hex, m.SyncComplete)
			}
		case *QueryShortChannelIDs:
			v.checkIDs(t, m.EncodedShortIDs)
			if want := len(v.Msg.TLVStream.Records); (m.QueryFlags != nil) != (want > 0) {
				t.Errorf("%s: got query_flags %v", v.Hex, m.QueryFlags)
			} else if want > 0 { // all that the vectors have are zlib
				if _, err := m.QueryFlags.Flags(); err == nil {
					t.Errorf("%s: query_flags decoded", v.Hex)
				}
			}
		default:
			t.Errorf("%s: is %s", v.Hex, m.Type())
		}
	}
}

func (v *queryVector) checkRange(t *testing.T, first block.Height, number uint32) {
	t.Helper()
	if uint32(first) != v.Msg.FirstBlockNum || number != v.Msg.NumberOfBlocks {
		t.Errorf("%s: got %d blocks from %d", v.Hex, number, first)
	}
}

func (v *queryVector) checkIDs(t *testing.T, encoded []byte) {
	t.Helper()
	ids, err := DecodeShortIDs(encoded)
	if v.Msg.ShortChannelIDs.Encoding != "UNCOMPRESSED" {
		if err == nil {
			t.Errorf("%s: decoded %s", v.Hex, v.Msg.ShortChannelIDs.Encoding)
		}
		return
	}
	var got []string
	for _, id := range ids {
		got = append(got, id.String())
	}
	if err != nil || !reflect.DeepEqual(got, v.Msg.ShortChannelIDs.Array) {
		t.Errorf("%s: got ids %v, %v", v.Hex, got, err)
	}
	if again := EncodeShortIDs(ids); !bytes.Equal(again, encoded) {
		t.Errorf("%s: ids encode as %x, want %x", v.Hex, again, encoded)
	}
}

func (v *queryVector) checkTimestamps(t *testing.T, tlv *TimestampsTLV) {
	t.Helper()
	var want []ChannelUpdateTimestamps
	for _, w := range v.Msg.Timestamps.Timestamps {
		want = append(want, ChannelUpdateTimestamps{w.Timestamp1, w.Timestamp2})
	}
	if (tlv != nil) != (want != nil) {
		t.Errorf("%s: got timestamps %v", v.Hex, tlv)
	}
	if tlv == nil {
		return
	}
	got, err := tlv.Timestamps()
	if v.Msg.Timestamps.Encoding != "UNCOMPRESSED" {
		if err == nil {
			t.Errorf("%s: decoded %s", v.Hex, v.Msg.Timestamps.Encoding)
		}
		return
	}
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(NewTimestampsTLV(want), tlv) {
		t.Errorf("%s: got timestamps %v, %v", v.Hex, got, err)
	}
}

func (v *queryVector) checkChecksums(t *testing.T, got []ChannelUpdateChecksums) {
	t.Helper()
	var want []ChannelUpdateChecksums
	for _, w := range v.Msg.Checksums.Checksums {
		want = append(want, ChannelUpdateChecksums{w.Checksum1, w.Checksum2})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got checksums %v", v.Hex, got)
	}
}

func TestBOLT7EncodedArraysRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"empty":          "",
		"not whole":      "00000000000000",
		"descending":     "0000000000000000020000000000000001",
		"twice the same": "0000000000000000010000000000000001",
	} {
		if ids, err := DecodeShortIDs(unhex(t, raw)); err == nil {
			t.Errorf("%s: got %v", name, ids)
		}
	}
	if ids, err := DecodeShortIDs([]byte{0}); err != nil || len(ids) != 0 {
		t.Errorf("none: got %v, %v", ids, err)
	}
	flags, err := (&QueryFlags{EncodedQueryFlags: []byte{1, 2, 0xfd, 1, 0}}).Flags()
	if err != nil || !reflect.DeepEqual(flags, []uint64{QueryChannelAnnouncement, QueryChannelUpdate1, 256}) {
		t.Errorf("got flags %v, %v", flags, err)
	}
	if _, err := (&QueryFlags{EncodedQueryFlags: []byte{1, 0xfd, 0, 1}}).Flags(); err == nil {
		t.Error("query flag that is not minimal: decoded")
	}
}

// BOLT 7: what is signed starts after the signatures (at offset 256 of a channel_announcement's
// fields, 64 of the others) and has all that follows, known or not.
func TestBOLT7GossipDigest(t *testing.T) {
	for m, from := range map[Message]int{
		new(ChannelAnnouncement): 2 + 256, new(NodeAnnouncement): 2 + 64, new(ChannelUpdate): 2 + 64,
	} {
		raw := append(Encode(m), "something new"...)
		once := sha256.Sum256(raw[from:])
		want := sha256.Sum256(once[:])
		if got, err := GossipDigest(raw); err != nil || got != want {
			t.Errorf("%s: got %x, %v, want %x", m.Type(), got, err, want)
		}
		if _, err := GossipDigest(raw[:from-1]); err == nil {
			t.Errorf("%s: got a digest of a message without its signatures", m.Type())
		}
	}
	if _, err := GossipDigest(Encode(new(GossipTimestampFilter))); err == nil {
		t.Error("got a digest of a message that is not signed")
	}
}

func FuzzEncodedArrays(f *testing.F) {
	f.Add(EncodeShortIDs([]ShortChannelID{1, 2, 1 << 63}))
	f.Add([]byte{0, 0xfd, 1, 0, 7, 7, 7, 7, 7})
	f.Add([]byte{1, 0x78})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ids, err := DecodeShortIDs(raw); err == nil && !bytes.Equal(EncodeShortIDs(ids), raw) {
			t.Fatalf("%x: ids encode as %x", raw, EncodeShortIDs(ids))
		}
		if len(raw) == 0 {
			return
		}
		tlv := &TimestampsTLV{raw[0], raw[1:]}
		if list, err := tlv.Timestamps(); err == nil && !bytes.Equal(NewTimestampsTLV(list).EncodedTimestamps, raw[1:]) {
			t.Fatalf("%x: timestamps decode as %v", raw, list)
		}
		flags, err := (&QueryFlags{raw[0], raw[1:]}).Flags()
		var again []byte
		for _, flag := range flags {
			again = AppendBigSize(again, flag)
		}
		if err == nil && !bytes.Equal(again, raw[1:]) {
			t.Fatalf("%x: flags decode as %v", raw, flags)
		}
	})
}
