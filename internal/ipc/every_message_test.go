package ipc_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/tests/hostile"
)

// TestEveryMessageTravels fills each message, sends it over a socket, and expects the same at the
// other end: so no message has a field that the codec does not know.
func TestEveryMessageTravels(t *testing.T) {
	types := map[ipc.Type]string{}
	for _, kind := range hostile.Everything {
		name := strings.TrimPrefix(reflect.TypeOf(kind).String(), "*")
		t.Run(name, func(t *testing.T) {
			if other := types[kind.IPCType()]; other != "" {
				t.Fatalf("its number %d is also that of %s", kind.IPCType(), other)
			}
			types[kind.IPCType()] = name
			m := filled(t, kind)
			got := reflect.New(reflect.TypeOf(m).Elem()).Interface().(ipc.Message)
			frame := travel(t, m)
			if err := frame.Decode(got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("sent %+v, got %+v", m, got)
			}
		})
	}
}

// filled is a message of that kind in which no field is its zero: a Source of nothing but threes says
// yes, three elements, and numbers of three in each byte.
func filled(t *testing.T, kind ipc.Message) ipc.Message {
	t.Helper()
	s := hostile.NewSource(bytes.Repeat([]byte{3}, 1<<20), nil)
	m := reflect.New(reflect.TypeOf(kind).Elem())
	s.Fill(m.Interface())
	if s.Done() {
		t.Fatal("there were too few bytes to fill it")
	}
	checkFilled(t, m.Elem(), m.Type().String())
	return m.Interface().(ipc.Message)
}

// checkFilled fails the test if a field of the struct is its zero.
func checkFilled(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && v.Field(i).IsZero() {
			t.Errorf("%s.%s is its zero", name, field.Name)
		}
	}
}

func travel(t *testing.T, m ipc.Message) *ipc.Frame {
	t.Helper()
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	from, to := ipc.NewConn(a), ipc.NewConn(b)
	t.Cleanup(func() { from.Close(); to.Close() })
	sent := make(chan error, 1)
	go func() { sent <- from.Send(m) }()
	f, err := to.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return &f
}
