package wire

import (
	"testing"

	"fulmen/internal/keys"
)

func benchmark(b *testing.B, m Message) {
	raw := Encode(m)
	b.Run("append", func(b *testing.B) {
		buf := make([]byte, 0, MaxMessage)
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendMessage(buf[:0], m)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUpdateAddHTLC(b *testing.B) { benchmark(b, new(UpdateAddHTLC)) }

// 483 is the most HTLCs that a commitment can have in each direction (BOLT 2, The open_channel Message).
func BenchmarkCommitmentSigned483(b *testing.B) {
	benchmark(b, &CommitmentSigned{HTLCSignature: make([]keys.Signature, 483)})
}
