package bookkeeper

import (
	"context"

	"fulmen/plugins/bookkeeper/books"
)

// pageSize is how many entries are asked for at once.
const pageSize = 1000

type object = map[string]any

// refresh reads what moved since the last time, or all where a reorganisation of the chain took something back.
func (b *Bookkeeper) refresh(ctx context.Context) error {
	l := b.ledger
	var now struct {
		Deleted uint64 `json:"deleted"`
	}
	if err := b.config.Node.Call(ctx, "wait", object{"subsystem": "chainmoves", "indexname": "deleted", "nextvalue": 0}, &now); err != nil {
		return err
	}
	if now.Deleted != l.deleted {
		l.books = books.Books{}
	}
	l.deleted = now.Deleted // before the list is read: what is deleted meanwhile shows the next time
	err := b.pages(ctx, "listchainmoves", l.books.LastChain, func(r *page) int {
		l.books.AddChain(r.ChainMoves...)
		return len(r.ChainMoves)
	})
	if err != nil {
		return err
	}
	err = b.pages(ctx, "listchannelmoves", l.books.LastChannel, func(r *page) int {
		l.books.AddChannel(r.ChannelMoves...)
		return len(r.ChannelMoves)
	})
	if err != nil || !l.books.Unresolved() {
		return err
	}
	return b.findOver(ctx, l)
}

// findOver tells the books which channels lightningd has done with.
func (b *Bookkeeper) findOver(ctx context.Context, l *ledger) error {
	var r struct {
		Closed []struct {
			ChannelID string `json:"channel_id"`
		} `json:"closedchannels"`
	}
	if err := b.config.Node.Call(ctx, "listclosedchannels", object{}, &r); err != nil {
		return err
	}
	for _, c := range r.Closed {
		l.books.Over(c.ChannelID)
	}
	return nil
}

// page is a result of any of the lists that are read by pages.
type page struct {
	ChainMoves   []books.ChainMove   `json:"chainmoves"`
	ChannelMoves []books.ChannelMove `json:"channelmoves"`
	Invoices     []described         `json:"invoices"`
	Payments     []described         `json:"payments"`
}

// pages reads a list from behind its last entry on; take has the entries of a page, and says how many they are.
func (b *Bookkeeper) pages(ctx context.Context, command string, last func() uint64, take func(*page) int) error {
	for {
		var r page
		if err := b.config.Node.Call(ctx, command, object{"index": "created", "start": last() + 1, "limit": pageSize}, &r); err != nil {
			return err
		}
		if take(&r) < pageSize {
			return nil
		}
	}
}
