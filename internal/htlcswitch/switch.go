package htlcswitch

import (
	"maps"
	"time"

	"fulmen/internal/block"
	"fulmen/internal/onion"
)

// giveUpBefore is how many blocks before its expiry an HTLC is failed whose twin hangs on chain. Later,
// its peer would take our channel to the chain too, and we would lose the channel beside the amount.
const giveUpBefore block.Delta = 3

// Switch holds the forwards whose incoming HTLC is not gone yet.
type Switch struct {
	channels Channels
	open     map[Key]*Forward
}

// New returns a switch between channels.
func New(channels Channels) *Switch {
	return &Switch{channels: channels, open: map[Key]*Forward{}}
}

// Restore takes up a forward of the database.
func (s *Switch) Restore(f *Forward) { s.open[f.Key] = f }

// Knows reports whether a forward of an HTLC is open; then Arrive does not decide about it again.
func (s *Switch) Knows(k Key) bool { return s.open[k] != nil }

// Arrive decides about an HTLC. One that is told again, because its channel has a new process, gets
// what was decided then, or nothing if that is still to come.
func (s *Switch) Arrive(h HTLC, now time.Time, height block.Height) []Action {
	if f := s.open[h.Key]; f != nil {
		if f.Status == Offered || f.saving {
			return nil
		}
		return []Action{f.settle()}
	}
	f := &Forward{HTLC: h, Status: Offered, ReceivedAt: now}
	s.open[h.Key] = f
	return []Action{s.forward(f, 0, now, height)}
}

// forward offers f to the best channel that has not refused it, or fails it. limit is why the last one
// refused: it is for the sender if nothing worse is wrong.
func (s *Switch) forward(f *Forward, limit onion.FailureCode, now time.Time, height block.Height) Action {
	c, failure := s.choose(&f.HTLC, height, f.tried)
	if failure == nil {
		f.OutName = c.name()
		return Offer{f, c.ID}
	}
	named := s.channels.Named(f.ShortChannelID)
	if limit != 0 && failure.Code == onion.TemporaryChannelFailure {
		failure = named.complete(&onion.Failure{Code: limit}, &f.HTLC)
	}
	f.OutName = asked(named, &f.HTLC)
	return s.fail(f, LocalFailed, failure, now)
}

func (s *Switch) fail(f *Forward, as Status, failure *onion.Failure, now time.Time) End {
	f.Status, f.FailCode, f.Failure, f.ResolvedAt = as, failure.Code, failure.Encode(), now
	f.Onion, f.ExtraTLVs, f.saving = nil, nil, f.Out.Channel != 0
	return End{*f, f.settle()}
}

// Refuse tells that the channel to which f was offered did not take it, and why. Another one may.
func (s *Switch) Refuse(f *Forward, channel uint64, why onion.FailureCode, now time.Time, height block.Height) Action {
	f.tried = append(f.tried, channel)
	return s.forward(f, why, now, height)
}

// Commit tells that f has a twin. The row that it returns has to be stored with the channel's record.
func (s *Switch) Commit(f *Forward, out Key) Forward {
	f.Out, f.Onion, f.ExtraTLVs, f.tried = out, nil, nil, nil
	return *f
}

// Fulfill ends f with the preimage of its twin; it is checked. False: f was given up before, and its
// amount is lost.
func (s *Switch) Fulfill(f *Forward, preimage [32]byte, attribution []byte, now time.Time) (End, bool) {
	if f.Status != Offered {
		return End{}, false
	}
	f.Status, f.Preimage, f.ResolvedAt, f.saving = Settled, &preimage, now, true
	return End{*f, f.attributed(attribution)}, true
}

// Return ends f with the encrypted reason of the next node, once its twin is irrevocably gone. False: f
// was given up before.
func (s *Switch) Return(f *Forward, reason, attribution []byte, now time.Time) (End, bool) {
	if f.Status != Offered {
		return End{}, false
	}
	f.Status, f.Reason, f.ResolvedAt, f.saving = Failed, reason, now, true
	return End{*f, f.attributed(attribution)}, true
}

// Stored tells that the end of a forward is on disk: from now on it is told to those who ask again.
func (s *Switch) Stored(k Key) {
	if f := s.open[k]; f != nil {
		f.saving = false
	}
}

// Fail ends f with a failure of ours, once its twin can never be claimed: the next node could not read
// the onion, or the chain has decided. False: f was given up before.
func (s *Switch) Fail(f *Forward, failure *onion.Failure, now time.Time) (End, bool) {
	if f.Status != Offered {
		return End{}, false
	}
	return s.fail(f, Failed, failure, now), true
}

// Tick gives up the forwards that cannot wait longer for the chain to decide about their twins. One whose own
// channel is on chain too has nothing to lose by waiting.
func (s *Switch) Tick(now time.Time, height block.Height) []End {
	var ends []End
	for _, f := range s.open {
		late := f.Status == Offered && f.Out.Channel != 0 && f.CLTVExpiry <= height.Add(giveUpBefore)
		if late && s.channels.OnChain(f.Out.Channel) && !s.channels.OnChain(f.Channel) {
			ends = append(ends, s.fail(f, LocalFailed, &onion.Failure{Code: onion.PermanentChannelFailure}, now))
		}
	}
	return ends
}

// Gone forgets the forward of an HTLC that is irrevocably gone: its channel never tells of it again. It
// reports whether a reason is on disk that need not be kept any more.
func (s *Switch) Gone(k Key) bool {
	f := s.open[k]
	delete(s.open, k)
	return f != nil && f.Out.Channel != 0 && (f.Reason != nil || f.Failure != nil)
}

// Forget drops what came through a channel that is forgotten itself: nothing will be told of it.
func (s *Switch) Forget(channel uint64) {
	maps.DeleteFunc(s.open, func(k Key, _ *Forward) bool { return k.Channel == channel })
}

// settle is what the incoming HTLC's channel is told of an end.
func (f *Forward) settle() Settle {
	return Settle{Key: f.Key, Preimage: f.Preimage, Reason: f.Reason, Failure: f.Failure}
}

func (f *Forward) attributed(attribution []byte) Settle {
	s := f.settle()
	s.Attribution = attribution
	return s
}
