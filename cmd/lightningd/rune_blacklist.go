package main

import (
	"cmp"
	"context"
	"slices"

	"fulmen/internal/command"
	"fulmen/internal/store"
)

type blacklistRuneParams struct {
	Start  *uint64 `param:"start" doc:"The first unique_id; without it nothing changes."`
	End    *uint64 `param:"end" doc:"The last one; without it start alone is meant."`
	Relist *bool   `param:"relist" doc:"True makes them good again."`
}

// Validate implements the check after parsing.
func (p *blacklistRuneParams) Validate() error {
	switch {
	case p.Start == nil && (p.End != nil || p.Relist != nil):
		return command.BadParam("start", "should be given with end and relist")
	case p.End != nil && *p.End < *p.Start:
		return command.BadParam("end", "should not be below start")
	case p.Start != nil && max(*p.Start, p.end()) > store.MaxRuneID:
		return command.BadParam("end", "should be at most %d", uint64(store.MaxRuneID))
	}
	return nil
}

func (p *blacklistRuneParams) end() uint64 {
	if p.End != nil {
		return *p.End
	}
	return *p.Start
}

type runeRange struct {
	Start uint64 `json:"start" doc:"The first unique_id."`
	End   uint64 `json:"end" doc:"The last one."`
}

type blacklistRuneResult struct {
	Blacklist []runeRange `json:"blacklist" doc:"All that are taken back."`
}

func (n *node) blacklistRune(_ context.Context, p *blacklistRuneParams) (*blacklistRuneResult, error) {
	n.runes.mu.Lock()
	defer n.runes.mu.Unlock()
	list, err := n.db.RuneBlacklist()
	if err != nil {
		return nil, err
	}
	if p.Start != nil {
		change := store.RuneRange{First: *p.Start, Last: p.end()}
		list = without(list, change)
		if p.Relist == nil || !*p.Relist {
			list = joined(append(list, change))
		}
		if err := n.db.Update(func(tx *storeTx) error { return tx.SetRuneBlacklist(list) }); err != nil {
			return nil, err
		}
	}
	r := &blacklistRuneResult{Blacklist: []runeRange{}}
	for _, g := range list {
		r.Blacklist = append(r.Blacklist, runeRange{g.First, g.Last})
	}
	return r, nil
}

// without takes a range out of others.
func without(list []store.RuneRange, out store.RuneRange) (left []store.RuneRange) {
	for _, g := range list {
		if g.Last < out.First || g.First > out.Last {
			left = append(left, g)
			continue
		}
		if g.First < out.First {
			left = append(left, store.RuneRange{First: g.First, Last: out.First - 1})
		}
		if g.Last > out.Last {
			left = append(left, store.RuneRange{First: out.Last + 1, Last: g.Last})
		}
	}
	return left
}

// joined sorts ranges that do not overlap, and makes one of those that touch.
func joined(list []store.RuneRange) (out []store.RuneRange) {
	slices.SortFunc(list, func(a, b store.RuneRange) int { return cmp.Compare(a.First, b.First) })
	for _, g := range list {
		if last := len(out) - 1; last >= 0 && out[last].Last+1 == g.First {
			out[last].Last = g.Last
			continue
		}
		out = append(out, g)
	}
	return out
}
