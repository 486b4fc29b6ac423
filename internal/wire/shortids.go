package wire

import (
	"encoding/binary"
	"fmt"
)

// encodingUncompressed is the only encoding of arrays in queries; 1 was zlib (BOLT 7, Query Messages).
const encodingUncompressed = 0

// EncodeShortIDs makes an encoded_short_ids; the ids must be ascending (BOLT 7, Query Messages).
func EncodeShortIDs(ids []ShortChannelID) []byte {
	b := make([]byte, 1, 1+8*len(ids)) // encodingUncompressed
	for _, id := range ids {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b
}

// DecodeShortIDs reads an encoded_short_ids, which must be ascending and uncompressed.
func DecodeShortIDs(b []byte) ([]ShortChannelID, error) {
	r := newReader("encoded_short_ids", b)
	r.encoding(r.byte("encoding type"))
	ids := make([]ShortChannelID, r.whole(8, "short_channel_id"))
	for i := range ids {
		ids[i] = ShortChannelID(r.u64("short_channel_id"))
		if i > 0 && ids[i] <= ids[i-1] {
			return nil, fmt.Errorf("encoded_short_ids: %s after %s", ids[i], ids[i-1])
		}
	}
	return ids, r.result()
}

// NewTimestampsTLV makes a timestamps_tlv, one entry for each short channel id of the message.
func NewTimestampsTLV(timestamps []ChannelUpdateTimestamps) *TimestampsTLV {
	t := &TimestampsTLV{EncodingType: encodingUncompressed}
	for i := range timestamps {
		t.EncodedTimestamps = timestamps[i].appendTo(t.EncodedTimestamps)
	}
	return t
}

// Timestamps reads the entries.
func (t *TimestampsTLV) Timestamps() ([]ChannelUpdateTimestamps, error) {
	r := newReader("timestamps_tlv", t.EncodedTimestamps)
	r.encoding(t.EncodingType)
	list := make([]ChannelUpdateTimestamps, r.whole(8, "encoded_timestamps"))
	for i := range list {
		list[i].decode(&r)
	}
	return list, r.result()
}

// Flags in a query_flags, and in a query_option (BOLT 7, Query Messages).
const (
	QueryChannelAnnouncement uint64 = 1 << iota
	QueryChannelUpdate1
	QueryChannelUpdate2
	QueryNodeAnnouncement1
	QueryNodeAnnouncement2

	QueryOptionTimestamps uint64 = 1 << 0
	QueryOptionChecksums  uint64 = 1 << 1
)

// Flags reads the flags, one for each short channel id of the message.
func (q *QueryFlags) Flags() ([]uint64, error) {
	r := newReader("query_flags", q.EncodedQueryFlags)
	r.encoding(q.EncodingType)
	var flags []uint64
	for len(r.b) > 0 {
		flags = append(flags, r.bigSize("encoded_query_flags"))
	}
	return flags, r.result()
}

// encoding checks the encoding type of an array.
func (r *reader) encoding(typ byte) {
	if r.err == nil && typ != encodingUncompressed {
		r.fail("encoding type", "%d is not supported", typ)
	}
}
