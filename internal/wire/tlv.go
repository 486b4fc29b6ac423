package wire

// nextRecord enters the next record of a TLV stream, and is false at the end and after a failure.
// The rules are BOLT 1's, Type-Length-Value Format.
func (r *reader) nextRecord() bool {
	if len(r.b) == 0 {
		return false
	}
	previous := r.recordType
	t := r.bigSize("tlv type")
	if r.err != nil {
		return false
	}
	r.recordType = t
	if r.inStream && t <= previous {
		r.fail("", "tlv type %d after %d", t, previous)
		return false
	}
	length := r.bigSize("tlv length")
	if length > uint64(len(r.b)) {
		r.fail("", "tlv type %d: length %d, have %d bytes", t, length, len(r.b))
	}
	if r.err != nil {
		return false
	}
	r.inStream = true
	r.b, r.after = r.b[:length], r.b[length:]
	return true
}

// endRecord leaves the record, which must have been read to its end.
func (r *reader) endRecord() {
	if len(r.b) > 0 {
		r.fail("", "%d bytes too long", len(r.b))
	}
	r.b, r.after, r.record = r.after, nil, ""
}

// skipRecord passes over a record that we do not know, if its type is odd.
func (r *reader) skipRecord() {
	if r.recordType%2 == 0 {
		r.fail("", "unknown even tlv type %d", r.recordType)
	}
	r.b = nil
}

// keepRecord is skipRecord that appends the record to dst as it stands.
func (r *reader) keepRecord(dst []byte) []byte {
	value := r.b
	r.skipRecord()
	if r.err != nil {
		return dst
	}
	return append(appendHeader(dst, r.recordType, len(value)), value...)
}

// CheckExtraTLVs says what is wrong with records that are to extend a message which whoever gets it need not
// understand: their types must be odd.
func CheckExtraTLVs(stream []byte) error {
	r := newReader("extra_tlvs", stream)
	for r.nextRecord() {
		r.skipRecord()
		r.endRecord()
	}
	return r.result()
}

// appendHeader appends a record's type and length.
func appendHeader(dst []byte, typ uint64, length int) []byte {
	return AppendBigSize(AppendBigSize(dst, typ), uint64(length))
}

// appendTruncated appends v without leading zeros: nothing at all for 0.
func appendTruncated(dst []byte, v uint64) []byte {
	for i := truncatedLen(v) - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}
