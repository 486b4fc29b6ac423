package main

import (
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// TestInvoiceWarnings holds what the creator of an invoice is told against the channels.
func TestInvoiceWarnings(t *testing.T) {
	channel := func(id uint64, private, online bool, receivable amount.Msat) incomingChannel {
		return incomingChannel{row: &store.Channel{ID: id, Private: private, ShortChannelID: wire.ShortChannelID(id)}, receivable: receivable, online: online}
	}
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
		{"in parts", []incomingChannel{public, channel(3, false, true, 1000)}, nil, 2000, "mpp"},
	} {
		var r newInvoiceResult
		receivingBy(c.list, c.expose).warn(&r, c.want)
		got := map[string]string{"capacity": r.WarningCapacity, "offline": r.WarningOffline, "private": r.WarningPrivate, "mpp": r.WarningMPP}
		for kind, text := range got {
			if (text != "") != (kind == c.warn) {
				t.Errorf("%s: warning_%s is %q", c.name, kind, text)
			}
		}
	}
}
