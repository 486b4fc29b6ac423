package backup

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var testSecret = bytes.Repeat([]byte("s3cr"), 11)

func TestRemote(t *testing.T) {
	for _, c := range []struct {
		listen string
		secret []byte
	}{{"tcp:127.0.0.1:0", testSecret}, {"unix:" + filepath.Join(t.TempDir(), "s"), nil}} {
		w := newWorld(t)
		w.limit = 5000
		w.commit(20, 1000)
		address, _ := w.receiver(c.listen, c.secret)
		to, err := DialRemote(address, c.secret)
		if err == nil {
			err = w.follow(to)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			w.commit(1, 1000)
		}
		w.keeper.copies.Wait()
		w.commit(1, 1)
		// The connection breaks between two transactions.
		to.mu.Lock()
		to.conn.Close()
		to.mu.Unlock()
		if !w.keeper.copying {
			w.commit(1, 2)
		}
		w.keeper.copies.Wait()
		w.holds()
		w.unfollow()
	}
}

func TestRemoteNeedsTheSecret(t *testing.T) {
	w := newWorld(t)
	address, _ := w.receiver("tcp:127.0.0.1:0", testSecret)
	for wrong, want := range map[string]string{address: "needs a secret", "tcp:backuphost": "missing port", "backuphost:1": "should be tcp:HOST:PORT"} {
		if _, err := parseAddress(wrong, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", wrong, err, want)
		}
	}
	for _, other := range [][]byte{bytes.Repeat([]byte("other"), 10), nil} {
		var conn net.Conn
		var err error
		if other == nil {
			conn, err = net.Dial("tcp", strings.TrimPrefix(address, tcpScheme))
		} else {
			var to endpoint
			if to, err = parseAddress(address, other); err != nil {
				t.Fatal(err)
			}
			conn, err = to.dial(t.Context())
		}
		if err == nil {
			err = writeFrame(conn, askState, nil)
		}
		if err == nil {
			_, _, err = readFrame(conn)
		}
		if err == nil {
			t.Errorf("an answer for the secret %q", other)
		}
	}
	if list, err := generations(w.dir); err != nil || len(list) > 0 {
		t.Errorf("generations %v, %v", list, err)
	}
}

func TestTransactionOnTheWire(t *testing.T) {
	want := transaction{7, []string{"a", "", "longer"}}
	raw := encodeTransaction(want)
	got, err := decodeTransaction(raw)
	if err != nil || got.version != want.version || !slices.Equal(got.writes, want.writes) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range raw {
		if got, err := decodeTransaction(raw[:n]); err == nil && len(got.writes) == 3 {
			t.Errorf("cut at %d: %+v", n, got)
		}
	}
}

// duplex is a connection whose other end has said all that it says.
type duplex struct {
	io.Reader
	io.Writer
}

// FuzzReceive has anything at all sent to a receiver.
func FuzzReceive(f *testing.F) {
	add := func(frames ...any) {
		var b bytes.Buffer
		for i := 0; i < len(frames); i += 2 {
			writeFrame(&b, frames[i].(frameType), frames[i+1].([]byte))
		}
		f.Add(b.Bytes())
	}
	add(askState, []byte(nil))
	add(askBegin, []byte{0, 0, 0, 7}, askAppend, encodeTransaction(transaction{8, []string{"x"}}))
	add(askBegin, []byte{0, 0, 0, 7}, askSnapshot, []byte(nil), askChunk, []byte("x"), askEnd, []byte(nil))
	add(askSnapshot, []byte(nil))
	add(askEnd, []byte(nil))
	f.Add([]byte{byte(askAppend), 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		r := NewReceiver(dir, t.Logf)
		if err := r.keep(duplex{bytes.NewReader(raw), io.Discard}); err == nil {
			t.Error("no end")
		}
		d, err := OpenDir(dir) // whatever it wrote can be read again
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
	})
}

// FuzzWrites reads anything at all as a file of writes, and as a snapshot.
func FuzzWrites(f *testing.F) {
	var e encoder
	raw, err := e.add(nil, typeHeader, header(kindWrites, 3))
	if err != nil {
		f.Fatal(err)
	}
	raw, err = e.addTransaction(raw, transaction{4, []string{"x", "y"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)-1])
	f.Add([]byte{1, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if d, _, err := newDecoder(bytes.NewReader(raw), kindWrites); err == nil {
			for err == nil {
				_, err = d.transaction()
			}
			if d.whole > int64(len(raw)) {
				t.Errorf("%d of %d bytes are whole", d.whole, len(raw))
			}
		}
		if _, err := copySnapshot(io.Discard, bytes.NewReader(raw), 3); err == nil {
			t.Log("a whole snapshot")
		}
	})
}

// failingListener has no descriptor left the first time.
type failingListener struct {
	net.Listener
	failed bool
}

func (l *failingListener) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestReceiverIsNotEndedByStrangers: whoever reaches its port can take up descriptors, but neither all of them, nor does
// the receiver end for it.
func TestReceiverIsNotEndedByStrangers(t *testing.T) {
	w := newWorld(t)
	address := unixScheme + filepath.Join(t.TempDir(), "socket")
	l, err := Listen(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- NewReceiver(w.dir, t.Logf).Serve(&failingListener{Listener: l}) }()
	var silent []net.Conn
	for range maxWaiting - 1 {
		conn, err := net.Dial("unix", strings.TrimPrefix(address, unixScheme))
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, conn)
	}
	r, err := DialRemote(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.follow(r); err != nil {
		t.Fatal(err)
	}
	w.commit(1, 10)
	w.unfollow()
	for _, conn := range silent {
		conn.Close()
	}
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it ends with %v", err)
	}
	w.holds()
}
