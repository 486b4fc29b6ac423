package features

import (
	"fmt"
	"strconv"
	"strings"
)

// Forced replaces or changes what we show of ourselves, for protocol tests. The zero value changes nothing.
type Forced struct {
	instead map[Context]Vector
	changes []change // in the order given
}

type change struct {
	bit Bit
	set bool
}

// maxForced bounds a bit's number: that vector has 8 KiB.
const maxForced = 1<<16 - 1

// Parse adds one value of the option dev-force-features: lists of bits, parted by slashes, for init, its
// globalfeatures, node_announcement, channel_announcement and BOLT 11; or one bit with a sign. What follows
// the five lists is for messages that we do not have.
func (f *Forced) Parse(text string) error {
	if text == "" {
		return fmt.Errorf("should not be empty")
	}
	if text[0] == '+' || text[0] == '-' {
		bit, err := parseBit(text[1:])
		if err != nil {
			return err
		}
		f.changes = append(f.changes, change{bit, text[0] == '+'})
		return nil
	}
	// BOLT 1: a receiver takes init's two vectors together, so that we need not send both.
	places := []Context{Init, Init, NodeAnnouncement, ChannelAnnouncement, Invoice}
	instead := map[Context]Vector{}
	for i, list := range strings.Split(text, "/") {
		if i >= len(places) {
			break
		}
		v := instead[places[i]]
		for word := range strings.SplitSeq(list, ",") {
			if word == "" {
				continue
			}
			bit, err := parseBit(word)
			if err != nil {
				return err
			}
			v = v.Set(bit)
		}
		instead[places[i]] = v
	}
	f.instead = instead
	return nil
}

func parseBit(text string) (Bit, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > maxForced {
		return 0, fmt.Errorf("%q is no feature bit from 0 to %d", text, maxForced)
	}
	return Bit(n), nil
}

// Apply is what is shown in a place instead of v. A bit that is added is shown where BOLT 9 has it of
// those that we know, in init and node_announcement of others; one that is taken away is shown nowhere.
func (f *Forced) Apply(in Context, v Vector) Vector {
	if list, ok := f.instead[in]; ok {
		v = list
	}
	for _, c := range f.changes {
		v = v.without(c.bit)
		if c.set && shownIn(c.bit, in) {
			v = v.Set(c.bit)
		}
	}
	return v
}

func shownIn(b Bit, in Context) bool {
	switch in {
	case Init, NodeAnnouncement:
		row := lookup(b)
		return row == nil || row.peers || !row.invoice
	case Invoice:
		row := lookup(b)
		return row != nil && row.invoice
	}
	return false
}

// without is a new vector that lacks b.
func (v Vector) without(b Bit) Vector {
	var rest Vector
	for has := range v.All() {
		if has != b {
			rest = rest.Set(has)
		}
	}
	return rest
}
