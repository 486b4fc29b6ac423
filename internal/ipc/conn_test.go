package ipc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"fulmen/internal/version"
)

func pair(t testing.TB) (a, b *Conn) {
	t.Helper()
	fa, fb := filePair(t)
	a, b = NewConn(fa), NewConn(fb)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func filePair(t testing.TB) (a, b *os.File) {
	t.Helper()
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// rawPair is a Conn and the bare socket of a peer that may do anything.
func rawPair(t testing.TB) (*Conn, *os.File) {
	t.Helper()
	a, raw := filePair(t)
	c := NewConn(a)
	t.Cleanup(func() { c.Close(); raw.Close() })
	return c, raw
}

// rawSend sends bytes with descriptors on the first.
func rawSend(t testing.TB, raw *os.File, p []byte, files ...*os.File) {
	t.Helper()
	err := rawFds(append(files, raw), func(fds []int) error {
		return unix.Sendmsg(fds[len(fds)-1], p, unix.UnixRights(fds[:len(fds)-1]...), nil, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func frameBytes(t testing.TB, m Message, fds int) []byte {
	t.Helper()
	b, err := appendFrame(nil, 0, m, fds)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func helloBytes(t testing.TB) []byte { return frameBytes(t, &Hello{Version: version.Version}, 0) }

func recvText(t *testing.T, c *Conn) string {
	t.Helper()
	f, err := c.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var m everyReply
	if err := f.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.Text
}

func TestFramesOfAnySizeAndPiece(t *testing.T) {
	a, b := pair(t)
	texts := []string{"", "x", strings.Repeat("y", readSize), strings.Repeat("z", 3<<20), "last"}
	go func() {
		for _, text := range texts {
			if err := a.Send(&everyReply{Text: text}); err != nil {
				t.Error(err)
			}
		}
		a.Close()
	}()
	for _, want := range texts {
		if got := recvText(t, b); got != want {
			t.Fatalf("%d bytes came, want %d", len(got), len(want))
		}
	}
	if _, err := b.Recv(); err != io.EOF {
		t.Errorf("after the last: %v, want EOF", err)
	}
}

func TestByteByByte(t *testing.T) {
	c, raw := rawPair(t)
	stream := append(helloBytes(t), frameBytes(t, &everyReply{Text: "slow"}, 0)...)
	go func() {
		for i := range stream {
			if _, err := raw.Write(stream[i : i+1]); err != nil {
				t.Error(err)
			}
		}
	}()
	if got := recvText(t, c); got != "slow" {
		t.Errorf("got %q", got)
	}
}

func TestBatchAndBuffered(t *testing.T) {
	a, b := pair(t)
	if b.Buffered() {
		t.Error("something is buffered before anything was sent")
	}
	if err := a.SendBatch(&everyReply{Text: "1"}, &everyReply{Text: "2"}, &everyReply{Text: "3"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "2", "3"} {
		if !b.Buffered() {
			t.Fatalf("message %s is not buffered", want)
		}
		if got := recvText(t, b); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if b.Buffered() {
		t.Error("a fourth message is buffered")
	}
}

func TestVersionMismatchNamesBoth(t *testing.T) {
	c, raw := rawPair(t)
	rawSend(t, raw, frameBytes(t, &Hello{Version: "v1-theirs"}, 0))
	_, err := c.Recv()
	if err == nil || !strings.Contains(err.Error(), "v1-theirs") || !strings.Contains(err.Error(), version.Version) {
		t.Errorf("error %v does not name both versions", err)
	}
}

func TestBrokenStreams(t *testing.T) {
	hello := helloBytes(t)
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "EOF"},
		{"no hello", frameBytes(t, &other{}, 0), "first message: decode ipc.Hello: have message type 9102"},
		{"half a header", append(bytes.Clone(hello), 0, 0), "unexpected EOF"},
		{"half a body", append(bytes.Clone(hello), 0, 0, 0, 9, 1), "unexpected EOF"},
		{"empty body", append(bytes.Clone(hello), 0, 0, 0, 0), "frame: truncated"},
		{"no array", append(bytes.Clone(hello), 0, 0, 0, 1, 0xc0), "frame: want an array, have code 0xc0"},
		{"no id", append(bytes.Clone(hello), 0, 0, 0, 2, 0x91, 5), "frame: 1 elements"},
		{"huge type", append(bytes.Clone(hello), 0, 0, 0, 7, 0x92, 0xce, 0, 1, 0, 0, 0), "message type 65536 does not fit"},
		{"text id", append(bytes.Clone(hello), 0, 0, 0, 3, 0x92, 9, 0xa0), "message type 9: request id: want an unsigned integer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, raw := rawPair(t)
			if len(tt.b) > 0 {
				rawSend(t, raw, tt.b)
			}
			raw.Close()
			_, err := c.Recv()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if _, again := c.Recv(); again != err {
				t.Errorf("the second time: %v", again)
			}
		})
	}
}

func TestHeaderAloneAllocatesNothing(t *testing.T) {
	c, raw := rawPair(t)
	rawSend(t, raw, append(helloBytes(t), 0, 0xff, 0xff, 0xff)) // claims 16 MiB
	raw.Close()
	if _, err := c.Recv(); err != io.ErrUnexpectedEOF {
		t.Errorf("error %v", err)
	}
	if len(c.in.buf) > readSize {
		t.Errorf("the buffer grew to %d bytes", len(c.in.buf))
	}
}

func TestManySenders(t *testing.T) {
	a, b := pair(t)
	const senders, each = 8, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := a.Send(&inOrder{Sender: uint8(s), Number: uint32(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]uint32
	for range senders * each {
		f, err := b.Recv()
		if err != nil {
			t.Fatal(err)
		}
		var m inOrder
		if err := f.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Number != next[m.Sender] {
			t.Fatalf("sender %d: message %d came, want %d", m.Sender, m.Number, next[m.Sender])
		}
		next[m.Sender]++
	}
	wg.Wait()
}

type inOrder struct {
	Sender  uint8
	Number  uint32
	Padding [2000]byte
}

func (*inOrder) IPCType() Type { return 9200 }

func TestCloseWriteDeliversWhatIsPending(t *testing.T) {
	a, b := pair(t)
	if err := a.Send(&everyReply{Text: "last words"}); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(&other{}); !errors.Is(err, errClosed) {
		t.Errorf("send after it: %v", err)
	}
	if got := recvText(t, b); got != "last words" {
		t.Errorf("got %q", got)
	}
	if _, err := b.Recv(); err != io.EOF {
		t.Errorf("then %v, want EOF", err)
	}
	if err := b.Send(&everyReply{Text: "answer"}); err != nil {
		t.Fatal(err)
	}
	if got := recvText(t, a); got != "answer" {
		t.Errorf("got %q", got)
	}
}

func FuzzRecv(f *testing.F) {
	f.Add(append(helloBytes(f), frameBytes(f, &everyReply{Text: "x"}, 0)...), uint8(0), uint8(0))
	f.Add(append(helloBytes(f), frameBytes(f, &everyReply{Text: "x"}, 1)...), uint8(1), uint8(40))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0x92}, uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, fds, at uint8) {
		c, raw := rawPair(t)
		w, allClosed := pipeReader(t)
		cut := min(int(at), len(stream))
		if cut > 0 {
			rawSend(t, raw, stream[:cut])
		}
		if cut < len(stream) {
			rawSend(t, raw, stream[cut:], copies(w, int(fds%(MaxFds+2)))...)
		}
		w.Close()
		raw.Close()
		for {
			frame, err := c.Recv()
			if err != nil {
				break
			}
			_ = frame.Decode(new(everyReply))
			frame.CloseFds()
		}
		c.Close()
		if !allClosed() {
			t.Fatal("a descriptor leaked")
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	x, y := pair(b)
	go func() {
		for {
			f, err := y.Recv()
			if err != nil {
				return
			}
			if err := y.Reply(f.ID, &everyReply{Text: "pong"}); err != nil {
				return
			}
		}
	}()
	var reply everyReply
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Request(&other{}, &reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOneWayBatches(b *testing.B) {
	x, y := pair(b)
	batch := make([]Message, 32)
	for i := range batch {
		batch[i] = &everyReply{Text: strings.Repeat("x", 200)}
	}
	go func() {
		for {
			if err := x.SendBatch(batch...); err != nil {
				return
			}
		}
	}()
	b.SetBytes(200)
	b.ReportAllocs()
	var m everyReply
	for b.Loop() {
		f, err := y.Recv()
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Decode(&m); err != nil {
			b.Fatal(err)
		}
	}
}
