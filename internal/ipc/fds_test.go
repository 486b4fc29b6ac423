package ipc

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// pipeReader returns the reading end of a pipe, and says whether all writing ends are closed.
func pipeReader(t testing.TB) (w *os.File, allClosed func() bool) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return w, func() bool {
		n, err := r.Read(make([]byte, 1)) // waits until the last writing end is closed
		return n == 0 && err == io.EOF
	}
}

func TestDescriptors(t *testing.T) {
	a, b := pair(t)
	w1, closed1 := pipeReader(t)
	w2, closed2 := pipeReader(t)
	// One without, one with two, one without: each frame gets its own.
	for _, send := range []func() error{
		func() error { return a.Send(&everyReply{Text: "none"}) },
		func() error { return a.Send(&everyReply{Text: "two"}, w1, w2) },
		func() error { return a.Send(&everyReply{Text: "none"}) },
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{0, 2, 0} {
		f, err := b.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Fds) != want {
			t.Errorf("frame %d has %d descriptors, want %d", i, len(f.Fds), want)
		}
		f.CloseFds()
	}
	if !closed1() || !closed2() {
		t.Error("the sender still holds what it sent")
	}
}

func TestDescriptorsThatAreNotAnnounced(t *testing.T) {
	reply := func(fds int) []byte { return frameBytes(t, &everyReply{Text: "x"}, fds) }
	for _, tt := range []struct {
		name      string
		announced int
		sent      int
		want      string
	}{
		{"not announced", 0, 1, "announces 0 descriptors, 1 came"},
		{"too few", 2, 1, "announces 2 descriptors, 1 came"},
		{"none", 1, 0, "announces 1 descriptors, 0 came"},
		{"too many", 1, 2, "announces 0 descriptors, 1 came"},
		{"beyond the limit", 1, MaxFds + 4, "more than 8 descriptors on a frame"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, raw := rawPair(t)
			rawSend(t, raw, helloBytes(t))
			w, allClosed := pipeReader(t)
			rawSend(t, raw, reply(tt.announced), copies(w, tt.sent)...)
			w.Close()
			raw.Close()
			var err error
			for err == nil {
				var f Frame
				f, err = c.Recv()
				f.CloseFds()
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			c.Close()
			if !allClosed() {
				t.Error("a descriptor leaked")
			}
		})
	}
}

func copies(f *os.File, n int) []*os.File {
	files := make([]*os.File, n)
	for i := range files {
		files[i] = f
	}
	return files
}

func TestCloseDropsDescriptorsOfUnreadFrames(t *testing.T) {
	c, raw := rawPair(t)
	w, allClosed := pipeReader(t)
	rawSend(t, raw, helloBytes(t))
	rawSend(t, raw, frameBytes(t, &everyReply{Text: "x"}, 1), w)
	w.Close()
	if !c.Buffered() {
		t.Fatal("the frame is not there")
	}
	c.Close()
	if !allClosed() {
		t.Error("a descriptor leaked")
	}
}

func TestSendAfterCloseClosesDescriptors(t *testing.T) {
	a, _ := pair(t)
	a.Close()
	w, allClosed := pipeReader(t)
	if err := a.Send(&other{}, w); !errors.Is(err, errClosed) {
		t.Errorf("error %v, want %v", err, errClosed)
	}
	if !allClosed() {
		t.Error("a descriptor leaked")
	}
}
