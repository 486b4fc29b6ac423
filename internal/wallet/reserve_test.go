package wallet

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

func TestReservations(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 1000, 2000)
	coins := w.Coins()
	a, b, stranger := coins[0].Outpoint, coins[1].Outpoint, wire.OutPoint{Index: 9}
	at := w.Tip()

	list, changes, err := w.Reserve([]wire.OutPoint{a, stranger, a}, DefaultReserve, true)
	w.keep(changes, err)
	if len(list) != 1 || list[0] != (Reservation{a, false, true, at + 72}) {
		t.Errorf("reserve: %+v", list)
	}
	if _, _, err := w.Reserve([]wire.OutPoint{b, a}, 1, true); !errors.Is(err, ErrReserved) {
		t.Errorf("exclusive: %v", err)
	}
	if c, _ := w.Unspent(b); w.Reserved(&c) {
		t.Error("a refused request has reserved a coin")
	}
	list, changes, err = w.Reserve([]wire.OutPoint{a, b}, 10, false)
	w.keep(changes, err)
	if list[0] != (Reservation{a, true, true, at + 82}) || list[1] != (Reservation{b, false, true, at + 10}) {
		t.Errorf("extend: %+v", list)
	}
	w.reopen()
	list, changes, err = w.Unreserve([]wire.OutPoint{a, b}, DefaultReserve)
	w.keep(changes, err)
	if list[0] != (Reservation{a, true, true, at + 10}) || list[1] != (Reservation{b, true, false, 0}) {
		t.Errorf("unreserve: %+v", list)
	}
	for range 10 {
		w.mine()
	}
	if c, _ := w.Unspent(a); w.Reserved(&c) {
		t.Error("the reservation has not ended")
	}
	list, changes, err = w.Reserve([]wire.OutPoint{a}, ^uint32(0), true)
	w.keep(changes, err)
	if !list[0].Reserved {
		t.Errorf("for ever: %+v", list)
	}
	w.mine(w.spend(1, []byte{0x51}, a))
	if _, _, err := w.Reserve([]wire.OutPoint{a}, 1, false); !errors.Is(err, ErrSpent) {
		t.Errorf("spent: %v", err)
	}
	if _, _, err := w.Unreserve([]wire.OutPoint{a}, 1); !errors.Is(err, ErrSpent) {
		t.Errorf("unreserve a spent coin: %v", err)
	}
}
