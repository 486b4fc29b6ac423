package ipc

import (
	"errors"
	"os"
	"strings"
	"testing"
)

const rightText Rights = 2

var testTable = Table[int]{
	typeEvery: {Right: rightText, Do: func(n *int, f *Frame) (Message, []*os.File, error) {
		var m every
		if err := f.Decode(&m); err != nil {
			return nil, nil, err
		}
		*n++
		if m.Text == "fail" {
			return nil, nil, Failf(7, "no")
		}
		return &everyReply{Text: m.Text}, nil, nil
	}},
	typeOther: {Do: func(n *int, f *Frame) (Message, []*os.File, error) {
		*n++
		return nil, nil, f.Decode(new(other))
	}},
}

// serve runs the table for one client and returns its end.
func serve(t *testing.T, have Rights) (client *Conn, served *int, end <-chan error) {
	t.Helper()
	a, b := pair(t)
	served = new(int)
	ch := make(chan error, 1)
	go func() {
		err := testTable.Serve(b, served, have)
		b.Close()
		ch <- err
	}()
	return a, served, ch
}

func TestTableServes(t *testing.T) {
	c, served, end := serve(t, rightText)
	var reply everyReply
	if _, err := c.Request(&every{Text: "x"}, &reply); err != nil || reply.Text != "x" {
		t.Errorf("reply %q, %v", reply.Text, err)
	}
	var fail *Fail
	if _, err := c.Request(&every{Text: "fail"}, &reply); !errors.As(err, &fail) || fail.Code != 7 {
		t.Errorf("error %v, want a Fail", err)
	}
	if err := c.Send(&other{}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-end; err != nil || *served != 3 {
		t.Errorf("served %d, %v, want 3", *served, err)
	}
}

func TestTableEndsTheLink(t *testing.T) {
	for _, tt := range []struct {
		name string
		have Rights
		send func(c *Conn, w *os.File) error
		want string
	}{
		{"no right", 1, func(c *Conn, _ *os.File) error { return c.Reply(1, &every{}) },
			"message type 9100 needs right 0b10, the client has 0b1"},
		{"not accepted", rightText, func(c *Conn, _ *os.File) error { return c.Send(&Log{}) },
			"message type 4 is not accepted on this link"},
		{"descriptor", rightText, func(c *Conn, w *os.File) error { return c.Send(&other{}, w) },
			"message type 9102 comes with 1 descriptors, want 0"},
		{"request as one way", rightText, func(c *Conn, _ *os.File) error { return c.Send(&every{}) },
			"message type 9100 came with request id 0, which is not how it is sent"},
		{"one way as request", rightText, func(c *Conn, _ *os.File) error { return c.Reply(4, &other{}) },
			"message type 9102 came with request id 4, which is not how it is sent"},
		{"garbage", rightText, func(c *Conn, _ *os.File) error { return c.Reply(1, &garbage{}) },
			"message type 9100: decode ipc.every: have 0 fields, want 15"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, end := serve(t, tt.have)
			w, allClosed := pipeReader(t)
			if err := tt.send(c, w); err != nil {
				t.Fatal(err)
			}
			if err := <-end; err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			w.Close() // where it was not sent
			if !allClosed() {
				t.Error("a descriptor leaked")
			}
			if _, err := c.Recv(); err == nil {
				t.Error("the link goes on")
			}
		})
	}
}

type garbage struct {
}

type garbageReply garbage

func (*garbage) IPCType() Type      { return typeEvery }
func (*garbageReply) IPCType() Type { return typeEveryReply }
