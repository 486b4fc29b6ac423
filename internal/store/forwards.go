package store

import (
	"errors"
	"fmt"
	"math"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// Forward is a row of the forwards table.
type Forward struct {
	CreatedIndex uint64 // counts forwards from 1
	UpdatedIndex uint64 // counts changes of forwards from 1; 0 when never changed
	htlcswitch.Forward
}

// forwardFees counts what was earned by forwarding.
const forwardFees = "forward_fees_msat"

const forwardColumns = `created_index, updated_index, in_channel, in_htlc_id, in_scid, in_msat, in_cltv, payment_hash, out_channel,
	out_htlc_id, out_scid, out_msat, out_cltv, status, failcode, received_ms, resolved_ms, preimage, reason, failure`

func scanForward(row scanner) (*Forward, error) {
	var f Forward
	var hash, preimage []byte
	var outChannel, outHTLC, code, resolved *int64
	var in, out, received int64
	err := row.Scan(&f.CreatedIndex, &f.UpdatedIndex, &f.Channel, &f.HTLC.HTLC, &in, &f.Amount, &f.CLTVExpiry, &hash, &outChannel,
		&outHTLC, &out, &f.AmtToForward, &f.OutgoingCLTV, &f.Status, &code, &received, &resolved, &preimage, &f.Reason, &f.Failure)
	if err != nil {
		return nil, notFound(err)
	}
	f.Name, f.OutName, f.ReceivedAt = wire.ShortChannelID(in), wire.ShortChannelID(out), time.UnixMilli(received)
	if outChannel != nil && outHTLC != nil {
		f.Out = htlcswitch.Key{Channel: uint64(*outChannel), HTLC: uint64(*outHTLC)}
	}
	if code != nil {
		f.FailCode = onion.FailureCode(*code)
	}
	if resolved != nil {
		f.ResolvedAt = time.UnixMilli(*resolved)
	}
	err = fill(f.PaymentHash[:], hash, "payment_hash")
	if preimage != nil {
		f.Preimage = new([32]byte)
		err = errors.Join(err, fill(f.Preimage[:], preimage, "preimage"))
	}
	if err != nil {
		return nil, fmt.Errorf("forward %d: %w", f.CreatedIndex, err)
	}
	return &f, nil
}

func (d *DB) forwards(where string, args ...any) ([]*Forward, error) {
	var list []*Forward
	err := d.query("SELECT "+forwardColumns+" FROM forwards WHERE "+where, args, func(r scanner) error {
		f, err := scanForward(r)
		list = append(list, f)
		return err
	})
	return list, err
}

// OfferedForwards lists the forwards whose twins have no end yet, oldest first.
func (d *DB) OfferedForwards() ([]*Forward, error) {
	return d.forwards("status = 'offered' ORDER BY created_index")
}

// LinkedForward returns the forward of an incoming HTLC if a channel has committed to its twin;
// otherwise ErrNotFound: then it may be decided anew.
func (d *DB) LinkedForward(k htlcswitch.Key) (*Forward, error) {
	list, err := d.forwards("in_channel = ? AND in_htlc_id = ? AND out_channel IS NOT NULL", k.Channel, k.HTLC)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// ForwardsBelow is the id above all HTLCs of a channel that forwards have a row for.
func (d *DB) ForwardsBelow(channel uint64) (uint64, error) {
	var last *int64
	err := d.queryRow("SELECT max(in_htlc_id) FROM forwards WHERE in_channel = ?", []any{channel}, &last)
	if err != nil || last == nil {
		return 0, err
	}
	return uint64(*last) + 1, nil
}

// ForwardFilter selects forwards by how their channels are shown; 0 is any.
type ForwardFilter struct {
	In, Out wire.ShortChannelID
}

// Forwards lists forwards in the order of an index.
func (d *DB) Forwards(f ForwardFilter, p Page) ([]*Forward, error) {
	where, args := p.where(), p.args()
	add := func(column string, id wire.ShortChannelID) {
		if id != 0 {
			where = column + " = ? AND " + where
			args = append([]any{int64(id)}, args...)
		}
	}
	add("in_scid", f.In)
	add("out_scid", f.Out)
	return d.forwards(where+p.order(), args...)
}

// FeesCollected is what was ever earned by forwarding.
func (d *DB) FeesCollected() (amount.Msat, error) {
	n, err := d.Counter(forwardFees)
	return amount.Msat(n), err
}

// OfferForward stores that a channel has committed to a forward's twin. An earlier decision about the
// same HTLC, which came to nothing, is replaced.
func (t *Tx) OfferForward(f *htlcswitch.Forward) error {
	err := t.exec(`INSERT INTO forwards (in_channel, in_htlc_id, in_scid, in_msat, in_cltv, payment_hash, out_channel, out_htlc_id,
		out_scid, out_msat, out_cltv, status, received_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (in_channel, in_htlc_id) DO UPDATE SET out_channel = excluded.out_channel, out_htlc_id = excluded.out_htlc_id,
		out_scid = excluded.out_scid, status = excluded.status, failcode = NULL, failure = NULL, resolved_ms = NULL`,
		f.Channel, f.HTLC.HTLC, int64(f.Name), f.Amount, f.CLTVExpiry, f.PaymentHash[:], f.Out.Channel, f.Out.HTLC,
		int64(f.OutName), f.AmtToForward, f.OutgoingCLTV, f.Status, f.ReceivedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("link HTLC %d of channel %d: %w", f.HTLC.HTLC, f.Channel, err)
	}
	return nil
}

// RefuseForward stores that an HTLC was failed and never had a twin. Amounts of the sender's that no
// column holds are stored as the largest that one does.
func (t *Tx) RefuseForward(f *htlcswitch.Forward) error {
	err := t.exec(`INSERT INTO forwards (in_channel, in_htlc_id, in_scid, in_msat, in_cltv, payment_hash, out_scid, out_msat, out_cltv,
		status, failcode, received_ms, resolved_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (in_channel, in_htlc_id) DO UPDATE SET out_scid = excluded.out_scid, failcode = excluded.failcode,
		resolved_ms = excluded.resolved_ms`,
		f.Channel, f.HTLC.HTLC, int64(f.Name), f.Amount, f.CLTVExpiry, f.PaymentHash[:], int64(f.OutName),
		min(f.AmtToForward, math.MaxInt64), f.OutgoingCLTV, f.Status, uint16(f.FailCode), f.ReceivedAt.UnixMilli(), f.ResolvedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("refuse to forward HTLC %d of channel %d: %w", f.HTLC.HTLC, f.Channel, err)
	}
	return nil
}

// EndForward stores the end of a forward that has a twin, and counts the fee if it was paid.
func (t *Tx) EndForward(f *htlcswitch.Forward) error {
	index, err := t.next("forward_updated_index")
	if err != nil {
		return err
	}
	var preimage, code any
	if f.Preimage != nil {
		preimage = f.Preimage[:]
		if err := t.count(forwardFees, uint64(f.Fee())); err != nil {
			return err
		}
	}
	if f.FailCode != 0 {
		code = uint16(f.FailCode)
	}
	err = t.change(`UPDATE forwards SET status = ?, failcode = ?, resolved_ms = ?, preimage = ?, reason = ?, failure = ?, updated_index = ?
		WHERE in_channel = ? AND in_htlc_id = ?`, f.Status, code, f.ResolvedAt.UnixMilli(), preimage, f.Reason, f.Failure, index,
		f.Channel, f.HTLC.HTLC)
	if err != nil {
		return fmt.Errorf("end forward of HTLC %d of channel %d: %w", f.HTLC.HTLC, f.Channel, err)
	}
	return nil
}

// ForgetReason drops the reason of a failed forward: its HTLC is gone, and nobody will ask again.
func (t *Tx) ForgetReason(k htlcswitch.Key) error {
	return t.exec("UPDATE forwards SET reason = NULL, failure = NULL WHERE in_channel = ? AND in_htlc_id = ?", k.Channel, k.HTLC)
}

// ForwardsNamed lists the forwards of an HTLC with a status, by how its channel is shown. They can be of different
// channels: a reorganisation gives the name of one to another.
func (d *DB) ForwardsNamed(in wire.ShortChannelID, htlc uint64, status htlcswitch.Status) ([]*Forward, error) {
	return d.forwards("in_scid = ? AND in_htlc_id = ? AND status = ?", int64(in), int64(htlc), status)
}

// DeleteForward deletes the forward of an HTLC if it has a status; ErrNotFound if not.
func (t *Tx) DeleteForward(k htlcswitch.Key, status htlcswitch.Status) error {
	return t.removeSome(Forwards, "DELETE FROM forwards WHERE in_channel = ? AND in_htlc_id = ? AND status = ?", k.Channel, k.HTLC, status)
}
