package channeltest

import (
	"fmt"

	"fulmen/internal/channel"
	"fulmen/internal/keys"
)

// Log is what one side has stored.
type Log struct {
	Snapshot []byte
	Records  [][]byte
}

// Append stores what a Store asks for.
func (l *Log) Append(s *channel.Store) {
	switch {
	case s.Snapshot:
		l.Snapshot, l.Records = s.Data, nil
	case len(s.Data) > 0:
		l.Records = append(l.Records, s.Data)
	}
}

// Size is how much a restart reads.
func (l *Log) Size() int {
	size := len(l.Snapshot)
	for _, r := range l.Records {
		size += len(r)
	}
	return size
}

// Restore makes the channel again.
func (l *Log) Restore() (*channel.Channel, error) { return channel.Restore(l.Snapshot, l.Records) }

// Node is one side of a channel.
type Node struct {
	Name    string
	Channel *channel.Channel
	Signer  Signer
	Log     Log
}

// answerer is a Signer that can sign announcements too.
type announcer interface {
	announce(raw []byte) (node, bitcoin keys.Signature, err error)
}

// Answer is the event that an action asks for, or nil if it asks for none.
func (n *Node) Answer(a channel.Action) (channel.Event, error) {
	switch a := a.(type) {
	case channel.AskPoint:
		return channel.Point{PerCommitmentPoint: n.Signer.Point(a.Number)}, nil
	case channel.AskSigner:
		signed, err := n.Signer.SignRemote(&a.Commitment, a.PerCommitmentPoint)
		return signed, err
	case channel.AskRevocation:
		revocation, err := n.Signer.Revoke(a.Number)
		return revocation, err
	case channel.CheckSecret:
		return channel.SecretChecked{Correct: n.Signer.IsOurs(a.Number, a.Secret)}, nil
	case channel.Verify:
		return channel.Verified{Err: n.Signer.Verify(&a)}, nil
	case channel.AskAnnouncement:
		s, ok := n.Signer.(announcer)
		if !ok {
			return nil, fmt.Errorf("%s: signer does not announce", n.Name)
		}
		node, bitcoin, err := s.announce(a.Announcement)
		return channel.AnnouncementSigned{Node: node, Bitcoin: bitcoin}, err
	}
	return nil, nil
}

// Step steps the core, answers its questions, and hands each action to do, in order.
func (n *Node) Step(ev channel.Event, do func(channel.Action)) error {
	for ev != nil {
		actions, stepErr := n.Channel.Step(ev)
		ev = nil
		for _, a := range actions {
			do(a)
			answer, err := n.Answer(a)
			if err != nil {
				return err
			}
			if answer != nil {
				ev = answer
			}
		}
		if stepErr != nil {
			return stepErr
		}
	}
	return nil
}
