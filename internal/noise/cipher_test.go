package noise

import (
	"bytes"
	"errors"
	"testing"
)

func messageCiphers(t testing.TB) (*Sealer, *Opener) {
	m := loadVectors(t).Message
	ck, sk := [32]byte(unhex(t, m.CK)), [32]byte(unhex(t, m.SK))
	return &Sealer{newCipherState(ck, sk)}, &Opener{cipherState: newCipherState(ck, sk)}
}

func TestBOLT8AppendixAMessages(t *testing.T) {
	outputs := loadVectors(t).Message.Outputs
	send, recv := messageCiphers(t)
	seen := 0
	for i := range 1002 {
		frame, err := send.Append(nil, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if want, known := outputs[i]; known {
			seen++
			if !bytes.Equal(frame, unhex(t, want)) {
				t.Errorf("output %d: %x, want %s", i, frame, want)
			}
		}
		msg, used, err := recv.Open(frame)
		if err != nil || used != len(frame) || string(msg) != "hello" {
			t.Fatalf("open %d: %q, %d of %d bytes, %v", i, msg, used, len(frame), err)
		}
	}
	if seen != len(outputs) || seen != 6 {
		t.Errorf("compared %d outputs of %d", seen, len(outputs))
	}
}

// A stream may be cut anywhere; what was used need not be shown again.
func TestOpenInPieces(t *testing.T) {
	send, recv := messageCiphers(t)
	want := [][]byte{{}, []byte("a"), bytes.Repeat([]byte("x"), MaxMessage)}
	var stream []byte
	for _, msg := range want {
		var err error
		if stream, err = send.Append(stream, msg); err != nil {
			t.Fatal(err)
		}
	}
	var got [][]byte
	var buf []byte
	for len(stream) > 0 || len(buf) > 0 {
		n := min(recv.Needs()-len(buf), len(stream))
		buf = append(buf, stream[:n]...)
		stream = stream[n:]
		msg, used, err := recv.Open(buf)
		if err != nil {
			t.Fatal(err)
		}
		if msg != nil {
			got = append(got, bytes.Clone(msg))
		}
		buf = buf[used:]
	}
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("message %d differs", i)
		}
	}
}

func TestCipherRefuses(t *testing.T) {
	send, recv := messageCiphers(t)
	if _, err := send.Append(nil, make([]byte, MaxMessage+1)); err == nil {
		t.Error("a message of 65536 bytes was encrypted")
	}
	frame, err := send.Append(nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(frame)
	bad[len(bad)-1] ^= 1
	if _, _, err := recv.Open(bad); !errors.Is(err, ErrTag) {
		t.Errorf("changed body: %v", err)
	}
	_, recv = messageCiphers(t)
	bad = bytes.Clone(frame)
	bad[0] ^= 1
	if _, _, err := recv.Open(bad); !errors.Is(err, ErrTag) {
		t.Errorf("changed length: %v", err)
	}
}

func TestCipherDoesNotAllocate(t *testing.T) {
	send, recv := messageCiphers(t)
	msg := make([]byte, 1500)
	buf := make([]byte, 0, 4*(len(msg)+Overhead))
	allocs := testing.AllocsPerRun(100, func() { // 808 uses of each key, so no rotation
		frames := buf
		for range 4 {
			frames, _ = send.Append(frames, msg)
		}
		for len(frames) > 0 {
			_, used, err := recv.Open(frames)
			if err != nil {
				t.Fatal(err)
			}
			frames = frames[used:]
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for four messages", allocs)
	}
}

func FuzzOpener(f *testing.F) {
	send, _ := messageCiphers(f)
	frame, err := send.Append(nil, []byte("hello"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame, 18)
	f.Add(frame[:20], 1)
	f.Add(append(bytes.Clone(frame), frame...), 7)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		_, recv := messageCiphers(t)
		stream = bytes.Clone(stream)
		for cut > 0 && len(stream) > 0 {
			msg, used, err := recv.Open(stream[:min(cut, len(stream))])
			if err != nil {
				return
			}
			if msg == nil && used == 0 { // more is needed
				if cut >= len(stream) {
					return
				}
				cut = len(stream)
				continue
			}
			if msg != nil && string(msg) != "hello" {
				t.Fatalf("forged message %q", msg)
			}
			stream = stream[used:]
		}
	})
}

func BenchmarkCipher(b *testing.B) {
	send, recv := messageCiphers(b)
	msg := make([]byte, 1452) // update_add_htlc
	buf := make([]byte, 0, len(msg)+Overhead)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		frame, err := send.Append(buf, msg)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := recv.Open(frame); err != nil {
			b.Fatal(err)
		}
	}
}
