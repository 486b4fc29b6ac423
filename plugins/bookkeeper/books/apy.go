package books

import (
	"fmt"
	"math/big"

	"fulmen/internal/amount"
)

// yearBlocks is how many blocks a year has, one in ten minutes.
const yearBlocks = 52560

// Earnings are what a channel carried and earned.
type Earnings struct {
	Account             string
	RoutedOut, RoutedIn amount.Msat
	FeesOut, FeesIn     amount.Msat // of what it routed
	LeasePaid           amount.Msat
	LeaseEarned         amount.Msat
	PushedOut, PushedIn amount.Msat
	OurStart, AllStart  amount.Msat // what we had in it at first, and its capacity
	Blocks              uint64      // that it was open; of all channels, an average by their capacity
}

// Net is the name of the sum of all channels.
const Net = "net"

// Channels are the channels that have been opened, with what moved in them in a time, and Net as the last. height is
// that of the chain.
func (b *Books) Channels(p Period, height uint32) []Earnings {
	var list []Earnings
	places := map[string]int{}
	for _, a := range b.order {
		if a.open == nil {
			continue
		}
		until := height
		if a.close != nil {
			until = a.close.Height
		}
		places[a.name] = len(list)
		list = append(list, Earnings{
			Account: a.name, OurStart: a.open.Credit, AllStart: a.open.Output, Blocks: uint64(max(until, a.open.Height+1) - a.open.Height),
		})
	}
	for i := range b.channel {
		m := &b.channel[i]
		place, ok := places[m.Account]
		if !ok {
			continue
		}
		e := &list[place]
		if m.Tag == tagPushed { // what it began with does not depend on the time asked for
			e.OurStart = e.OurStart + m.Credit - min(m.Debit, e.OurStart)
		}
		if p.has(m.Timestamp) {
			e.add(m)
		}
	}
	return append(list, sum(list))
}

func (e *Earnings) add(m *ChannelMove) {
	switch {
	case m.Tag == tagRouted && m.Debit > 0:
		e.RoutedOut += m.Debit
		e.FeesOut += m.Fees
	case m.Tag == tagRouted:
		e.RoutedIn += m.Credit
		e.FeesIn += m.Fees
	case m.Tag == tagPushed:
		e.PushedOut += m.Debit
		e.PushedIn += m.Credit
	case m.Tag == tagLease:
		e.LeasePaid += m.Debit
		e.LeaseEarned += m.Credit
	}
}

func sum(list []Earnings) Earnings {
	all := Earnings{Account: Net}
	weighted := new(big.Int)
	for _, e := range list {
		all.RoutedOut += e.RoutedOut
		all.RoutedIn += e.RoutedIn
		all.FeesOut += e.FeesOut
		all.FeesIn += e.FeesIn
		all.LeasePaid += e.LeasePaid
		all.LeaseEarned += e.LeaseEarned
		all.PushedOut += e.PushedOut
		all.PushedIn += e.PushedIn
		all.OurStart += e.OurStart
		all.AllStart += e.AllStart
		weighted.Add(weighted, product(uint64(e.AllStart), e.Blocks))
	}
	if all.AllStart > 0 {
		all.Blocks = weighted.Div(weighted, product(uint64(all.AllStart))).Uint64()
	}
	return all
}

// Share is a part of a whole in percent, with four decimal places.
func Share(part, whole amount.Msat) string {
	return percent(product(uint64(part)), product(uint64(whole)))
}

// Yearly is what a year would earn at the rate of the blocks that it was open, in percent of what was there at the
// start. It is not compounded: what a channel earns does not earn in it.
func (e *Earnings) Yearly(earned, start amount.Msat) string {
	return percent(product(uint64(earned), yearBlocks), product(uint64(start), e.Blocks))
}

func product(factors ...uint64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, new(big.Int).SetUint64(f))
	}
	return p
}

func percent(part, whole *big.Int) string {
	const places = 10_000
	if whole.Sign() == 0 {
		return "0.0000%"
	}
	scaled := new(big.Int).Mul(part, big.NewInt(100*places))
	scaled.Div(scaled, whole)
	units, rest := scaled.DivMod(scaled, big.NewInt(places), new(big.Int))
	return fmt.Sprintf("%s.%04d%%", units, rest)
}
