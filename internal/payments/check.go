package payments

import (
	"errors"
	"fmt"
)

// ErrAlreadyPaid is returned for a new payment whose hash was paid before, to another destination or
// with another amount (RPC error 201).
var ErrAlreadyPaid = errors.New("already paid with different parameters")

// ErrInProgress is returned for a new part that does not fit those under way (RPC error 200).
var ErrInProgress = errors.New("payment is in progress")

// Check decides whether part p may be sent beside the existing parts of the same payment_hash. It
// returns the part that stands for p when p was sent before, nil when p may be sent. So a caller
// that repeats itself never pays twice.
func Check(existing []*Part, p *Part) (*Part, error) {
	for _, e := range existing {
		if e.Status != Complete {
			continue
		}
		if e.Total != p.Total {
			return nil, fmt.Errorf("%w: amount was %s, now %s", ErrAlreadyPaid, e.Total, p.Total)
		}
		if e.Destination != p.Destination {
			return nil, fmt.Errorf("%w: destination was %s, now %s", ErrAlreadyPaid, e.Destination, p.Destination)
		}
		return e, nil
	}
	for _, e := range existing {
		if e.Status != Pending {
			continue
		}
		if err := checkPending(e, p); err != nil {
			return nil, err
		}
		if e.ID == p.ID {
			return e, nil
		}
	}
	return nil, nil
}

func checkPending(e, p *Part) error {
	switch {
	case e.Group != p.Group:
		return fmt.Errorf("%w: groupid %d has a pending part, this is groupid %d", ErrInProgress, e.Group, p.Group)
	case e.Destination != p.Destination:
		return fmt.Errorf("%w: destination is %s, now %s", ErrInProgress, e.Destination, p.Destination)
	case e.Total != p.Total:
		return fmt.Errorf("%w: amount is %s, now %s", ErrInProgress, e.Total, p.Total)
	case e.ID == p.ID && e.Amount != p.Amount:
		return fmt.Errorf("%w: partid %d carries %s, now %s", ErrInProgress, p.ID.Part, e.Amount, p.Amount)
	}
	return nil
}

// CheckInjected decides whether part p, whose onion somebody else made, may be sent beside the existing parts of the
// same payment_hash. It returns the part by which the payment was paid before, if it was. Unlike Check it does not
// take a repetition for the same: who asks is waiting for an outcome of its own.
func CheckInjected(existing []*Part, p *Part) (paid *Part, err error) {
	for _, e := range existing {
		if e.Status == Complete {
			return e, nil
		}
	}
	for _, e := range existing {
		switch {
		case e.Status != Pending:
		case e.ID == p.ID:
			return nil, fmt.Errorf("%w: partid %d of groupid %d is under way", ErrInProgress, p.ID.Part, p.Group)
		case e.Group != p.Group:
			return nil, fmt.Errorf("%w: groupid %d has a pending part, this is groupid %d", ErrInProgress, e.Group, p.Group)
		}
	}
	return nil, nil
}
