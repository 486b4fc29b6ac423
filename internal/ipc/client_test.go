package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// clientPair is a Client and the Conn that it talks to.
func clientPair(t testing.TB, handle func(*Frame) error) (*Client, *Conn) {
	t.Helper()
	fa, fb := filePair(t)
	b := NewConn(fb)
	a := NewClient(NewConn(fa), handle)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func mustRecv(t testing.TB, c *Conn) Frame {
	t.Helper()
	f, err := c.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestClientMatchesRepliesInAnyOrder(t *testing.T) {
	a, b := clientPair(t, nil)
	const n = 50
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			var reply everyReply
			text := fmt.Sprint(i)
			if _, err := a.Request(t.Context(), &every{Text: text}, &reply); err != nil || reply.Text != text {
				t.Errorf("request %s: %v, reply %q", text, err, reply.Text)
			}
		})
	}
	type open struct {
		id   uint64
		text string
	}
	var opened []open
	for range n {
		f := mustRecv(t, b)
		var m every
		if err := f.Decode(&m); err != nil {
			t.Fatal(err)
		}
		opened = append(opened, open{f.ID, m.Text})
	}
	for i := len(opened) - 1; i >= 0; i-- {
		if err := b.Reply(opened[i].id, &everyReply{Text: opened[i].text}); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestClientGetsFail(t *testing.T) {
	a, b := clientPair(t, nil)
	errs := make(chan error, 1)
	a.Go(&every{}, &everyReply{}, func(_ []*os.File, err error) { errs <- err })
	f := mustRecv(t, b)
	if err := b.Reply(f.ID, Failf(401, "cannot connect to %s", "03ab")); err != nil {
		t.Fatal(err)
	}
	var fail *Fail
	if err := <-errs; !errors.As(err, &fail) || fail.Code != 401 || fail.Message != "cannot connect to 03ab" {
		t.Errorf("error %v", err)
	}
	if a.Err() != nil {
		t.Errorf("a Fail ended the link: %v", a.Err())
	}
}

func TestClientDropsReplyThatComesTooLate(t *testing.T) {
	a, b := clientPair(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Request(ctx, &every{}, &everyReply{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	late := mustRecv(t, b)
	w, allClosed := pipeReader(t)
	if err := b.Reply(late.ID, &everyReply{Text: "late"}, w); err != nil {
		t.Fatal(err)
	}
	if !allClosed() {
		t.Error("the late reply's descriptor leaked")
	}
	errs := make(chan error, 1)
	a.Go(&every{}, &everyReply{}, func(_ []*os.File, err error) { errs <- err })
	f := mustRecv(t, b)
	if err := b.Reply(f.ID, &everyReply{}); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Errorf("the next request: %v", err)
	}
}

func TestClientFailsOpenRequestsWhenTheLinkEnds(t *testing.T) {
	a, b := clientPair(t, nil)
	errs := make(chan error, 1)
	a.Go(&every{}, &everyReply{}, func(_ []*os.File, err error) { errs <- err })
	mustRecv(t, b)
	b.Close()
	if err := <-errs; !errors.Is(err, io.EOF) {
		t.Errorf("open request: %v", err)
	}
	<-a.Done()
	if _, err := a.Request(t.Context(), &every{}, &everyReply{}); !errors.Is(err, io.EOF) {
		t.Errorf("request afterwards: %v", err)
	}
}

func TestClientRefusesWhatItDidNotAsk(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(b *Conn) error
		want string
	}{
		{"reply", func(b *Conn) error { return b.Reply(77, &everyReply{}) }, "message type 9101 replies to request 77, which is not open"},
		{"message", func(b *Conn) error { return b.Send(&other{}) }, "message type 9102 came unasked"},
	} {
		a, b := clientPair(t, nil)
		if err := tt.send(b); err != nil {
			t.Fatal(err)
		}
		<-a.Done()
		if err := a.Err(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestClientWrongReplyEndsTheLink(t *testing.T) {
	a, b := clientPair(t, nil)
	errs := make(chan error, 1)
	a.Go(&every{}, &everyReply{}, func(_ []*os.File, err error) { errs <- err })
	f := mustRecv(t, b)
	if err := b.Reply(f.ID, &garbageReply{}); err != nil {
		t.Fatal(err)
	}
	want := "decode ipc.everyReply: have 0 fields, want 1"
	if err := <-errs; err == nil || err.Error() != want {
		t.Errorf("request: %v, want %q", err, want)
	}
	<-a.Done()
	if err := a.Err(); err == nil || err.Error() != want {
		t.Errorf("link: %v, want %q", err, want)
	}
}

func TestClientHandlesInOrderAndKeepsDescriptors(t *testing.T) {
	texts := make(chan string, 10)
	kept := make(chan []*os.File, 1)
	_, b := clientPair(t, func(f *Frame) error {
		var m everyReply
		f.Type++ // one way: sent under an even number
		if err := f.Decode(&m); err != nil {
			return err
		}
		texts <- m.Text
		if len(f.Fds) > 0 {
			kept <- f.Fds
			f.Fds = nil
		}
		return nil
	})
	w, allClosed := pipeReader(t)
	if err := b.Send(&note{Text: "1"}, w); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(&note{Text: "2"}); err != nil {
		t.Fatal(err)
	}
	if got := <-texts + <-texts; got != "12" {
		t.Errorf("came as %s", got)
	}
	closeAll(<-kept)
	if !allClosed() {
		t.Error("a descriptor leaked")
	}
}

// note is an everyReply that nobody asked for.
type note everyReply

func (*note) IPCType() Type { return typeEvery }

// Two processes that write to each other without reading do not wait for each other.
func TestClientNeverBlocks(t *testing.T) {
	a, b := clientPair(t, nil)
	const n = 64
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range n {
			if err := a.Send(&everyReply{Text: strings.Repeat("x", 256<<10)}); err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-sent: // before anything was read
	case <-time.After(20 * time.Second):
		t.Fatal("the client waits for its reader")
	}
	w, allClosed := pipeReader(t)
	if err := a.Send(&everyReply{Text: "with a descriptor"}, w); err != nil {
		t.Fatal(err)
	}
	for range n {
		if got := recvText(t, b); len(got) != 256<<10 {
			t.Fatalf("%d bytes came", len(got))
		}
	}
	f := mustRecv(t, b)
	if len(f.Fds) != 1 {
		t.Fatalf("%d descriptors came after the queue, want 1", len(f.Fds))
	}
	f.CloseFds()
	if !allClosed() {
		t.Error("a descriptor leaked")
	}
}
