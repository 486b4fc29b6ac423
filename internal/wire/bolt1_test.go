package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestBOLT1AppendixABigSize(t *testing.T) {
	type vector struct {
		Name     string
		Value    uint64
		Bytes    string
		ExpError string `json:"exp_error"`
	}
	var vectors struct{ Decode, Encode []vector }
	readJSON(t, "bolt1_appendix_a.json", &vectors)
	wantErr := map[string]error{
		"": nil, "decoded bigsize is not canonical": ErrBigSizeNotMinimal,
		"EOF": ErrBigSizeCutOff, "unexpected EOF": ErrBigSizeCutOff,
	}
	for _, v := range vectors.Decode {
		raw := unhex(t, v.Bytes)
		got, n, err := ReadBigSize(raw)
		if want := wantErr[v.ExpError]; !errors.Is(err, want) || err == nil && want != nil {
			t.Errorf("%s: got error %v, want %v", v.Name, err, want)
		} else if err == nil && (got != v.Value || n != len(raw)) {
			t.Errorf("%s: got %d of %d bytes", v.Name, got, n)
		}
	}
	for _, v := range vectors.Encode {
		if got := hex.EncodeToString(AppendBigSize(nil, v.Value)); got != v.Bytes {
			t.Errorf("%s: got %s, want %s", v.Name, got, v.Bytes)
		}
	}
}

// The namespaces of Appendix B, as messages that are nothing but the stream.
const (
	MsgN1 MessageType = 65533
	MsgN2 MessageType = 65535
)

var namespaces = map[string]func() Message{
	"n1": func() Message { return new(N1) },
	"n2": func() Message { return new(N2) },
}

type tlvVector struct {
	namespace, about string
	valid            bool
	raw              []byte
}

// in reports whether the vector is about a namespace.
func (v tlvVector) in(namespace string) bool { return v.namespace == "any" || v.namespace == namespace }

func tlvVectors(t *testing.T) []tlvVector {
	t.Helper()
	f, err := os.Open("testdata/bolt1_appendix_b.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []tlvVector
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields, about, _ := strings.Cut(lines.Text(), " # ")
		w := strings.Fields(fields)
		if len(w) != 3 || strings.HasPrefix(fields, "#") {
			continue
		}
		list = append(list, tlvVector{w[0], about, w[1] == "valid", unhex(t, strings.Trim(w[2], "-"))})
	}
	if len(list) != 57 {
		t.Fatalf("have %d vectors, want 57", len(list))
	}
	return list
}

func TestBOLT1AppendixBStreams(t *testing.T) {
	for _, v := range tlvVectors(t) {
		for namespace, newStream := range namespaces {
			if !v.in(namespace) {
				continue
			}
			s, want := newStream(), v.raw
			if v.namespace == "any" {
				want = nil // their valid streams have only records that we pass over
			}
			err := s.decode(v.raw)
			if (err == nil) != v.valid {
				t.Errorf("%s: %x (%s): got error %v", namespace, v.raw, v.about, err)
			}
			if got := s.appendTo(nil); v.valid && !bytes.Equal(got, want) {
				t.Errorf("%s: %x (%s): encodes as %x", namespace, v.raw, v.about, got)
			}
		}
	}
}

func TestBOLT1AppendixBValues(t *testing.T) {
	for _, v := range tlvVectors(t) {
		var s N1
		if v.namespace != "n1" || !v.valid {
			continue
		}
		if err := s.decode(v.raw); err != nil {
			t.Fatal(err)
		}
		if got := s.describe(); got != strings.ReplaceAll(v.about, "`", "") {
			t.Errorf("%x: got %q, want %q", v.raw, got, v.about)
		}
	}
}

// describe prints the values as Appendix B does.
func (m *N1) describe() string {
	switch {
	case m.Tlv1 != nil:
		return fmt.Sprintf("tlv1 amount_msat=%d", *m.Tlv1)
	case m.Tlv2 != nil:
		return fmt.Sprintf("tlv2 scid=%s", *m.Tlv2)
	case m.Tlv3 != nil:
		return fmt.Sprintf("tlv3 node_id=%s amount_msat_1=%d amount_msat_2=%d", m.Tlv3.NodeID, m.Tlv3.AmountMsat1, m.Tlv3.AmountMsat2)
	case m.Tlv4 != nil:
		return fmt.Sprintf("tlv4 cltv_delta=%d", *m.Tlv4)
	}
	return ""
}

// A valid stream before an invalid one stays invalid; one before a valid one is valid if the types
// go on ascending (Appendix B, TLV Stream Decoding Failure).
func TestBOLT1AppendixBAppended(t *testing.T) {
	vectors := tlvVectors(t)
	for namespace, newStream := range namespaces {
		for _, a := range vectors {
			for _, b := range vectors {
				if !a.valid || !a.in(namespace) || !b.in(namespace) {
					continue
				}
				want := b.valid && (len(a.raw) == 0 || len(b.raw) == 0 || firstType(t, a.raw) < firstType(t, b.raw))
				err := newStream().decode(append(bytes.Clone(a.raw), b.raw...))
				if (err == nil) != want {
					t.Errorf("%s: %x then %x: got error %v", namespace, a.raw, b.raw, err)
				}
			}
		}
	}
}

func firstType(t *testing.T, raw []byte) uint64 {
	t.Helper()
	typ, _, err := ReadBigSize(raw)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestBOLT1AppendixCExtension(t *testing.T) {
	for raw, valid := range map[string]bool{
		"001000000000":             true,
		"001000000000c9012acb0104": true,
		"00100000000001":           false,
		"001000000000ca012a":       false,
		"001000000000c90101c90102": false,
	} {
		m, err := Decode(unhex(t, raw))
		if (err == nil) != valid {
			t.Errorf("%s: got error %v", raw, err)
		}
		if valid {
			if got := hex.EncodeToString(Encode(m)); got != "001000000000" {
				t.Errorf("%s: encodes as %s", raw, got)
			}
		}
	}
}

func TestBOLT1AppendixDSignedIntegers(t *testing.T) {
	var vectors []struct {
		Value int64
		Bytes string
	}
	readJSON(t, "bolt1_appendix_d.json", &vectors)
	for _, v := range vectors {
		raw := unhex(t, v.Bytes)
		got, encoded := signed(raw)
		if got != v.Value || !bytes.Equal(encoded, raw) {
			t.Errorf("%s: got %d, encoded as %x, want %d", v.Bytes, got, encoded, v.Value)
		}
	}
}

// signed decodes an integer of as many bytes as raw has, and encodes it again.
func signed(raw []byte) (int64, []byte) {
	r := newReader("signed", raw)
	switch len(raw) {
	case 1:
		var s Signed8
		s.decode(&r)
		return int64(s.Value), s.appendTo(nil)
	case 2:
		var s Signed16
		s.decode(&r)
		return int64(s.Value), s.appendTo(nil)
	case 4:
		var s Signed32
		s.decode(&r)
		return int64(s.Value), s.appendTo(nil)
	default:
		var s Signed64
		s.decode(&r)
		return s.Value, s.appendTo(nil)
	}
}
