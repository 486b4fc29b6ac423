package main

import (
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// TestInvoiceWarnings holds what the creator of an invoice is told against the channels.
func TestInvoiceWarnings(t *testing.T) {
	channel := func(id uint64, private, online bool, receivable amount.Msat) incomingChannel {
		row := &store.Channel{ID: id, Private: private, ShortChannelID: wire.ShortChannelID(id), PeerID: keys.PubKey{byte(id)}, RemoteUpdate: testUpdate(0, 0)}
		return incomingChannel{row: row, receivable: receivable, online: online}
	}
	deadEnd := func(id keys.PubKey) bool { return id[0] >= 10 }
	public, private := channel(1, false, true, 1000), channel(2, true, true, 5000)
	for _, c := range []struct {
		name   string
		list   []incomingChannel
		expose *exposeChannels
		want   amount.Msat
		warn   string // "": none
	}{
		{"no channel", nil, nil, 1, "capacity"},
		{"too little", []incomingChannel{public}, nil, 1001, "capacity"},
		{"enough", []incomingChannel{public}, nil, 1000, ""},
		{"peer is away", []incomingChannel{channel(1, false, false, 1000)}, nil, 1000, "offline"},
		{"unannounced, beside an announced one", []incomingChannel{public, private}, nil, 2000, "private"},
		{"unannounced alone", []incomingChannel{private}, nil, 2000, ""},
		{"unannounced, and may not be named", []incomingChannel{private}, &exposeChannels{}, 2000, "private"},
		{"unannounced, and named", []incomingChannel{public, private}, &exposeChannels{All: true}, 5000, ""},
		{"this one named", []incomingChannel{public, private}, &exposeChannels{Only: []wire.ShortChannelID{2}}, 5000, ""},
		{"a dead end", []incomingChannel{channel(10, false, true, 5000)}, nil, 2000, "deadends"},
		{"a dead end beside one that will do", []incomingChannel{channel(10, false, true, 5000), public}, nil, 1000, ""},
		{"a dead end beside one that will not", []incomingChannel{channel(10, false, true, 5000), public}, nil, 2000, "deadends"},
		{"unannounced, at a dead end", []incomingChannel{channel(11, true, true, 5000)}, nil, 2000, "deadends"},
		{"unannounced, as the others are dead ends", []incomingChannel{channel(10, false, true, 5000), private}, nil, 2000, ""},
		{"unannounced, at a dead end, as the caller wants", []incomingChannel{channel(11, true, true, 5000)}, &exposeChannels{Only: []wire.ShortChannelID{11}}, 2000, ""},
		{"in parts", []incomingChannel{public, channel(3, false, true, 1000)}, nil, 2000, "mpp"},
	} {
		var r newInvoiceResult
		receivingBy(c.list, c.want, c.expose, deadEnd).warn(&r, c.want)
		got := map[string]string{"capacity": r.WarningCapacity, "offline": r.WarningOffline, "private": r.WarningPrivate, "mpp": r.WarningMPP, "deadends": r.WarningDeadEnds}
		for kind, text := range got {
			if (text != "") != (kind == c.warn) {
				t.Errorf("%s: warning_%s is %q", c.name, kind, text)
			}
		}
	}
}

// TestDeadEndsAreAskedForLittle: one peer that leads on and can receive all is enough.
func TestDeadEndsAreAskedForLittle(t *testing.T) {
	var list []incomingChannel
	for id := range uint64(50) {
		row := &store.Channel{ID: id, PeerID: keys.PubKey{byte(id)}}
		list = append(list, incomingChannel{row: row, receivable: 1000, online: true})
	}
	asked := 0
	receivingBy(list, 2000, nil, func(id keys.PubKey) bool { asked++; return id[0] == 0 })
	if asked != 3 {
		t.Errorf("%d peers were asked about, want 3: a dead end, and two that will do", asked)
	}
}
